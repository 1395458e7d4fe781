"""Settings: each fault is named with its place, and what the shipped file says is true."""

import math
import re
from pathlib import Path

import pytest

from tradeflow.exceptions import SettingsError
from tradeflow.settings import (
    ComtradeSource,
    FilesSource,
    Settings,
    config_folder,
    default_lake,
    load_settings,
    read_only_input,
)

SHIPPED = config_folder() / "default.toml"


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "settings.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def fault_of(folder: Path, text: str | bytes) -> str:
    with pytest.raises(SettingsError) as error:
        load_settings(write(folder, text))
    told = str(error.value)
    assert "\n" not in told
    return told.removeprefix(f"{folder / 'settings.toml'}: ")


# --- faults --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("colour = 1", "colour: there is no such setting"),
        ("[modell]\nscored_months = 3", "modell: there is no such setting"),
        ("[model]\nscored_period = 3", "model.scored_period: there is no such setting"),
        ("[[sources]]\nkind = 'files'\npath = 'a'\npth = 'b'", "sources.0.pth: there is no such setting"),
        ("[[sources]]\nkind = 'files'", "sources.0.path: Field required"),
        ("[[sources]]\npath = 'a'", "sources.0: Unable to extract tag using discriminator 'kind'"),
        ("[[sources]]\nkind = 'ftp'", "sources.0: Input tag 'ftp' found"),
        ("[[sources]]\nkind = 'comtrade'\nfrequency = 'W'", "sources.0.frequency: Input should be 'A' or 'M', found 'W'"),
        ("[[sources]]\nkind = 'comtrade'\nreporters = [484, 'MEX']", "sources.0.reporters.1: Input should be a valid integer, found 'MEX'"),
        ("[model]\nscored_months = '12'", "model.scored_months: Input should be a valid integer, found '12'"),
        ("[model]\nscored_months = 12.5", "model.scored_months: Input should be a valid integer, found 12.5"),
        ("[model]\nscored_months = true", "model.scored_months: Input should be a valid integer, found True"),
        ("[model]\nscored_months = 0", "model.scored_months: Input should be greater than or equal to 1, found 0"),
        ("model = 3", "model: Input should be an object, found 3"),
        ("[watch]\nreporters = 484", "watch.reporters: Input should be a valid array, found 484"),
        ("[watch]\ncommodities = [291411]", "watch.commodities.0: Input should be a valid string, found 291411"),
        ("[watch]\ncommodities = ['2914.11']", "watch.commodities.0: String should match pattern"),
        ("[watch]\ncommodities = ['29141']", "found '29141'"),
        ("[signals]\nq_limit = 1.0", "signals.q_limit: Input should be less than 1, found 1.0"),
        ("[signals]\nq_limit = nan", "signals.q_limit: "),
        ("[signals]\nweights.excess_imports = 0.5", "signals.weights: Value error, excess_imports is not known; known are excess_import, "),
        ("[signals]\nweights.mirror_gap = 7", "signals.weights.mirror_gap: Input should be less than or equal to 1, found 7"),
        ("[signals]\nexposure_weights.full = 1", "signals.exposure_weights: Value error, full is not known; known are own, shared, none"),
    ],
)
def test_a_fault_is_told_with_its_place_and_what_was_found(tmp_path: Path, text: str, told: str) -> None:
    assert told in fault_of(tmp_path, text)


def test_every_fault_is_told_at_once(tmp_path: Path) -> None:
    told = fault_of(tmp_path, "[model]\nscored_months = 0\nforest_trees = 'ten'\n[publish]\nlead = 5\n")

    assert [each.partition(":")[0] for each in told.split("; ")] == ["model.scored_months", "model.forest_trees", "publish.lead"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"[model\n", "cannot be read as TOML: Expected ']' at the end of a table declaration (at line 1, column 7)"),
        (b"a = 1\na = 2\n", "cannot be read as TOML: Cannot overwrite a value (at line 2, column 6)"),
        ("[publish]\ntitle = 'é'".encode("latin-1"), "cannot be read as TOML: byte 20 is not UTF-8; save the file as UTF-8"),
        ("[model]".encode("utf-16"), "cannot be read as TOML: byte 1 is not UTF-8; save the file as UTF-8"),
    ],
)
def test_a_file_that_is_no_toml_is_told_with_the_place(tmp_path: Path, content: bytes, told: str) -> None:
    assert fault_of(tmp_path, content) == told


def test_a_file_that_is_not_there_is_told_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"no settings file .*nowhere.toml; `--config` names one, config/default.toml is an example"):
        load_settings(tmp_path / "nowhere.toml")
    with pytest.raises(SettingsError, match="cannot be read as TOML: .*Is a directory"):
        load_settings(tmp_path)


# --- what is read --------------------------------------------------------------------------------------------------------------


def test_an_empty_file_is_all_defaults(tmp_path: Path) -> None:
    assert load_settings(write(tmp_path, "")) == Settings()


def test_a_byte_order_mark_and_the_line_ends_of_windows_are_read(tmp_path: Path) -> None:
    assert load_settings(write(tmp_path, b"\xef\xbb\xbf[publish]\r\ntitle = 'caf\xc3\xa9'\r\n")).publish.title == "café"


def test_a_whole_number_may_stand_for_a_fraction(tmp_path: Path) -> None:
    assert load_settings(write(tmp_path, "[signals]\nmin_excess_kg = 5")).signals.min_excess_kg == 5.0


def test_a_rule_that_is_not_named_keeps_its_weight(tmp_path: Path) -> None:
    signals = load_settings(write(tmp_path, "[signals]\nweights.mirror_gap = 0.2\nexposure_weights.none = 0")).signals

    assert signals.weights == Settings().signals.weights | {"mirror_gap": 0.2}
    assert signals.exposure_weights == Settings().signals.exposure_weights | {"none": 0.0}
    assert math.isclose(signals.weights["isolated_flow"], 0.5)


def test_settings_cannot_be_changed_once_read() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings().model.scored_months = 3  # type: ignore[misc]


# --- paths ---------------------------------------------------------------------------------------------------------------------


def test_relative_paths_stand_beside_the_file_and_others_where_they_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    monkeypatch.chdir("/")
    sources = [f"[[sources]]\nkind = 'files'\npath = '{path}'" for path in ("../figures", "/elsewhere", "~/figures")]
    settings = load_settings(write(tmp_path, "\n".join([*sources, "[watch]", "overlay = 'private/list.csv'"])))

    paths = [source.path for source in settings.sources if isinstance(source, FilesSource)]
    assert paths == [tmp_path / "../figures", Path("/elsewhere"), Path("/home/somebody/figures")]
    assert settings.watch.overlay == tmp_path / "private/list.csv"


def test_one_input_takes_the_place_of_all_sources_and_stands_where_the_user_is(tmp_path: Path) -> None:
    settings = load_settings(write(tmp_path, "[[sources]]\nkind = 'comtrade'\n[publish]\nleads = 7"))

    narrowed = read_only_input(settings, Path("figures"))

    assert narrowed.sources == (FilesSource(kind="files", path=Path("figures")),)
    assert narrowed.publish.leads == 7
    assert isinstance(settings.sources[0], ComtradeSource)


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"TRADEFLOW_LAKE": "/lakes/one", "XDG_DATA_HOME": "/xdg"}, "/lakes/one"),
        ({"TRADEFLOW_LAKE": "~/lake", "XDG_DATA_HOME": "/xdg"}, "/home/somebody/lake"),
        ({"TRADEFLOW_LAKE": "", "XDG_DATA_HOME": "/xdg"}, "/xdg/tradeflow/lake"),
        ({"XDG_DATA_HOME": "/xdg"}, "/xdg/tradeflow/lake"),
        ({"XDG_DATA_HOME": ""}, "/home/somebody/.local/share/tradeflow/lake"),
        ({}, "/home/somebody/.local/share/tradeflow/lake"),
    ],
)
def test_the_lake_is_where_the_nearest_name_says(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], expected: str) -> None:
    for name in ("TRADEFLOW_LAKE", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in ({"HOME": "/home/somebody"} | environment).items():
        monkeypatch.setenv(name, value)

    assert default_lake() == Path(expected)


# --- the shipped file ----------------------------------------------------------------------------------------------------------


def test_the_shipped_file_says_the_defaults() -> None:
    assert load_settings() == load_settings(SHIPPED) == Settings()


def test_each_setting_in_the_comments_of_the_shipped_file_exists(tmp_path: Path) -> None:
    uncommented = re.sub(r"^# (?=\[\[|\w+ = )", "", SHIPPED.read_text(encoding="utf-8"), flags=re.MULTILINE)

    settings = load_settings(write(tmp_path, uncommented))

    assert [source.kind for source in settings.sources] == ["files", "comtrade"]
    assert settings.sources[0] == FilesSource(kind="files", path=tmp_path / "../data")
    assert settings.sources[1].model_fields_set == {"kind", "frequency", "reporters", "first_period"}
    assert settings.watch.model_fields_set == {"reporters", "commodities", "overlay", "requirements"}
    assert settings.watch.overlay == tmp_path / "../private/watch_list.csv"
    assert settings.watch.requirements == tmp_path / "../private/needs.xlsx"
