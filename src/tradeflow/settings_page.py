"""The settings in; the page that lists each with its default and its meaning out: `python -m tradeflow.settings_page` writes it."""

from __future__ import annotations

import ast
import inspect
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticUndefined, to_jsonable_python

from tradeflow import settings

PAGE = Path(__file__).parents[2] / "docs" / "settings.md"
SECTIONS: dict[str, type[BaseModel]] = {
    '[[sources]] with kind = "files"': settings.FilesSource,
    '[[sources]] with kind = "comtrade"': settings.ComtradeSource,
    "[watch]": settings.Watch,
    "[[operations]]": settings.Operation,
    "[reconcile]": settings.Reconcile,
    "[model]": settings.Model,
    "[signals]": settings.Signals,
    "[declarations]": settings.Declarations,
    "[companies]": settings.Companies,
    "[publish]": settings.Publish,
    "[serve]": settings.Serve,
    "[serve.openid]": settings.OpenId,
}


def write_page() -> str:
    """Return the whole page as Markdown."""
    lines = [
        "# Settings",
        "",
        "Written from `src/tradeflow/settings/` by `python -m tradeflow.settings_page`; change the settings there, not this page.",
        "One TOML file, named by `tradeflow run --config FILE`, holds them; `config/default.toml` is the example. A setting that is left",
        "out has its default, an unknown one is refused. Paths are relative to the file.",
        *(line for title, section in SECTIONS.items() for line in _write_section(title, section)),
    ]
    return "\n".join(lines) + "\n"


def _write_section(title: str, section: type[BaseModel]) -> Iterator[str]:
    yield from ("", f"## `{title}`", "", str(inspect.getdoc(section)), "", "| setting | default | meaning |", "|---|---|---|")
    meanings = _read_meanings(section)
    for name, field in section.model_fields.items():
        default = "required" if field.default is PydanticUndefined else _say(field.default)
        yield f"| `{name}` | {default} | {meanings.get(name, '')} |"


def _say(default: Any) -> str:
    plain = to_jsonable_python(default)
    return "empty" if plain in (None, [], {}) else f"`{json.dumps(plain)}`"


def _read_meanings(section: type[BaseModel]) -> dict[str, str]:
    """Return the text that stands below each setting in the source."""
    body = ast.parse(inspect.getsource(section)).body[0]
    assert isinstance(body, ast.ClassDef)
    meanings = {}
    for statement, following in zip(body.body, body.body[1:], strict=False):
        if isinstance(statement, ast.AnnAssign) and isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant):
            assert isinstance(statement.target, ast.Name)
            meanings[statement.target.id] = " ".join(str(following.value.value).split())
    return meanings


if __name__ == "__main__":
    PAGE.write_text(write_page(), encoding="utf-8")
