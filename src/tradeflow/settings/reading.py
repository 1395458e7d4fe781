"""One settings file in, checked whole before anything starts; and what the environment names beside it."""

from __future__ import annotations

import json
import os
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from tradeflow.exceptions import SettingsError
from tradeflow.settings.application import Publish, Serve
from tradeflow.settings.run import Companies, Declarations, Model, Operation, Reconcile, Signals, Watch
from tradeflow.settings.section import Section
from tradeflow.settings.sources import FilesSource, Source

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails


class Settings(Section):
    """All settings of one run."""

    sources: tuple[Source, ...] = ()
    watch: Watch = Watch()
    operations: tuple[Operation, ...] = ()
    reconcile: Reconcile = Reconcile()
    model: Model = Model()
    signals: Signals = Signals()
    declarations: Declarations = Declarations()
    companies: Companies = Companies()
    publish: Publish = Publish()
    serve: Serve = Serve()


def config_folder() -> Path:
    """Return where the shipped settings lie: inside an installed package, else beside `src/` in a checkout."""
    installed = Path(__file__).parents[1] / "_config"
    return installed if installed.is_dir() else Path(__file__).parents[3] / "config"


def load_settings(path: Path | None = None) -> Settings:
    """Read a settings file, by default the shipped one; SettingsError with the place of each fault. Paths are relative to the file."""
    path = path or config_folder() / "default.toml"
    try:
        # Windows editors write a byte order mark, which TOML does not allow.
        document = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise SettingsError(f"no settings file {path}; `--config` names one, config/default.toml is an example") from None
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path}: cannot be read as TOML: byte {error.start + 1} is not UTF-8; save the file as UTF-8") from error
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path}: cannot be read as TOML: {error}") from error
    try:
        # Strict: "12", 12.0 or true are no whole numbers. JSON, as strict Python would also refuse TOML's lists and paths.
        settings = Settings.model_validate_json(json.dumps(document, default=str), strict=True)
    except ValidationError as error:
        raise SettingsError(f"{path}: {'; '.join(_tell_fault(fault) for fault in error.errors())}") from error
    return _resolve_paths(settings, path.parent)


def _tell_fault(fault: ErrorDetails) -> str:
    # The kind of a source stands in pydantic's place without being a key of the file.
    place = ".".join(str(at) for number, at in enumerate(fault["loc"]) if not (fault["loc"][0] == "sources" and number == 2))
    if fault["type"] == "extra_forbidden":
        return f"{place}: there is no such setting"
    if fault["type"] in ("missing", "union_tag_not_found"):
        return f"{place}: {fault['msg']}"
    return f"{place}: {fault['msg']}, found {fault['input']!r}"


def read_only_input(settings: Settings, path: Path) -> Settings:
    """Return the settings with one folder or file as their only source."""
    return settings.model_copy(update={"sources": (FilesSource(kind="files", path=path),)})


def _resolve_paths(settings: Settings, folder: Path) -> Settings:
    sources = tuple(
        source.model_copy(update={"path": folder / source.path.expanduser()}) if isinstance(source, FilesSource) else source
        for source in settings.sources
    )
    sections = {name: _resolve_section(getattr(settings, name), folder) for name in ("watch", "companies")}
    return settings.model_copy(update={"sources": sources, **sections})


def _resolve_section(section: Section, folder: Path) -> Section:
    named = {name: value for name, value in section if isinstance(value, Path)}
    return section.model_copy(update={name: folder / path.expanduser() for name, path in named.items()})


def default_lake() -> Path:
    """Return where the lake lies when nobody names one: `TRADEFLOW_LAKE`, else a folder beside the user's other data."""
    named = os.environ.get("TRADEFLOW_LAKE")
    if named:
        return Path(named).expanduser()
    data_home = os.environ.get("XDG_DATA_HOME")
    return (Path(data_home) if data_home else Path.home() / ".local" / "share") / "tradeflow" / "lake"


def named_database() -> str | None:
    """Return the address of the database that `TRADEFLOW_DATABASE` names in place of a file in the lake; it may hold a password."""
    return os.environ.get("TRADEFLOW_DATABASE") or None
