"""A watch operation scopes a run: what it looks at, what it leaves alone, and what is told of one that makes no sense."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from tradeflow.contract import load_contract
from tradeflow.exceptions import SettingsError
from tradeflow.settings import Model, Operation, Settings, Watch, load_settings
from tradeflow.steps.judged_window import find_window_starts
from tradeflow.steps.operation import scope_to_operation
from tradeflow.steps.watch_list import keep_watched_companies, watched_commodities

TODAY = date(2024, 9, 15)
ACETIC = Operation(
    name="Quiet harbour", substances=("acetic_anhydride", "acetone"), areas=(484, 170), first_period=202401, last_period=202406
)
SETTINGS = Settings(operations=(ACETIC,), watch=Watch(reporters=(76,), commodities=("290230",)))


def test_the_run_looks_at_the_operation_and_at_nothing_else() -> None:
    scoped = scope_to_operation(SETTINGS, "quiet harbour", TODAY)
    assert (scoped.watch.reporters, scoped.watch.first_period, scoped.watch.last_period) == ((484, 170), 202401, 202406)
    assert watched_commodities(scoped.watch) == ("291411", "291524")
    assert scoped.model.scored_months == 6
    assert (scoped.publish.title, scoped.publish.is_current) == ("Quiet harbour", False)


def test_an_operation_that_goes_on_is_seen_up_to_today_in_the_usual_areas() -> None:
    going_on = ACETIC.model_copy(update={"areas": (), "last_period": None})
    scoped = scope_to_operation(SETTINGS.model_copy(update={"operations": (going_on,)}), "Quiet harbour", TODAY)
    assert (scoped.watch.reporters, scoped.watch.last_period, scoped.model.scored_months) == ((76,), 202409, 9)


@pytest.mark.parametrize(
    ("changed", "name", "told"),
    [
        ({}, "Loud harbour", "there is no operation 'Loud harbour'; the settings have 'Quiet harbour'"),
        ({"substances": ("water",)}, "Quiet harbour", "watch.substances: water is no substance with an HS code"),
        ({"areas": (484, 1)}, "Quiet harbour", "areas: 1 is no UN M49 code"),
    ],
)
def test_what_is_not_listed_is_told_before_anything_is_pulled(changed: dict[str, object], name: str, told: str) -> None:
    settings = SETTINGS.model_copy(update={"operations": (ACETIC.model_copy(update=changed),)})
    with pytest.raises(SettingsError, match=told):
        scope_to_operation(settings, name, TODAY)


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ('substances = []\nfirst_period = 202401', "operations.0.substances"),
        ('substances = ["a", "b", "c", "d", "e", "f"]\nfirst_period = 202401', "operations.0.substances"),
        ('substances = ["acetone"]\nfirst_period = 202413', "expected a month as YYYYMM"),
        ('substances = ["acetone"]\nfirst_period = 202405\nlast_period = 202404', "lies before first_period"),
    ],
)  # fmt: skip
def test_an_operation_of_no_sense_is_refused_with_its_place(tmp_path: Path, lines: str, told: str) -> None:
    path = tmp_path / "settings.toml"
    path.write_text(f'[[operations]]\nname = "x"\n{lines}\n')
    with pytest.raises(SettingsError, match=told):
        load_settings(path)


def test_codes_of_substances_stand_beside_those_that_are_named() -> None:
    assert watched_commodities(Watch(commodities=("290230",), substances=("acetone",))) == ("290230", "291411")
    assert watched_commodities(Watch()) == ()


def test_nothing_before_the_first_month_is_scored() -> None:
    pairs = load_contract("mirror_pair").empty_frame().select("freq_code", "commodity_code", "period", "import_value_usd")
    rows = [("M", "291524", 202403, 5.0), ("A", "291524", 2023, 5.0)]
    seen = pl.DataFrame(rows, pairs.schema, orient="row")
    starts = find_window_starts(Model(scored_months=6), seen, 202401).sort("freq_code")
    assert starts["_scored_start"].to_list() == [2024, 202401]
    assert find_window_starts(Model(scored_months=6), seen).sort("freq_code")["_scored_start"].to_list() == [2023, 202310]


def test_leads_on_companies_keep_to_the_watch() -> None:
    candidates = pl.DataFrame(
        [
            ("both", "acetone", "cocaine", 484, 202402),
            ("other substance", "toluene", "cocaine", 484, 202402),
            ("other area", "acetone", "cocaine", 76, 202402),
            ("too early", "acetone", "cocaine", 484, 202312),
            ("no area known", "acetone", None, None, 202402),
            ("several of its family", None, "cocaine;heroin", 484, 202402),
            ("several of another family", None, "lsd", 484, 202402),
        ],
        {"entity_id": pl.String, "substance_code": pl.String, "family": pl.String, "reporter_code": pl.Int32, "period": pl.Int32},
        orient="row",
    )  # fmt: skip
    kept = keep_watched_companies(candidates, scope_to_operation(SETTINGS, "Quiet harbour", TODAY).watch)
    assert kept["entity_id"].to_list() == ["both", "no area known", "several of its family"]
    assert keep_watched_companies(candidates, Watch()).height == candidates.height
