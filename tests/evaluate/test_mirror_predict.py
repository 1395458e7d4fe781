"""What may be known of the hidden side, and what the simple methods make of it, on rows worked out by hand."""

import math
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from tradeflow.evaluate.mirror_predict import (
    PREDICTED,
    SIMPLE_METHODS,
    judge_predictions,
    judge_real_set,
    predict_simply,
    summarise_predictions,
)
from tradeflow.evaluate.mirror_real import MEASURES, held_out_years, hold_out, pair_real_rows, read_real_rows
from tradeflow.reconcile.pairs import PAIR_KEY

SIDES = [name for pair in MEASURES.values() for name in pair]
LEGACY_HEADER = "period,trade_flow_code,trade_flow,reporter,partner,commodity_code,commodity,net_weight_kg,trade_value_usd"


def pairs(*rows: tuple[int, int, int, str, float | None, float | None]) -> pl.DataFrame:
    """period, exporter, importer, commodity, exporter's value, importer's value; a kg is worth 10 USD."""
    schema = {"period": pl.Int32, "exporter_code": pl.Int32, "importer_code": pl.Int32, "commodity_code": pl.String}
    given = pl.DataFrame(rows, schema=schema | {"export_value_usd": pl.Float64, "import_value_usd": pl.Float64}, orient="row")
    weights = [(pl.col(f"{side}_value_usd") / 10).alias(f"{side}_net_weight_kg") for side in ("export", "import")]
    return given.with_columns(pl.lit("M").alias("freq_code"), *weights).select(*PAIR_KEY, *SIDES)


@pytest.fixture
def given() -> pl.DataFrame:
    return pairs(
        (201501, 1, 2, "A", 100.0, 200.0),
        (201502, 1, 2, "A", 100.0, 400.0),
        (201503, 1, 2, "A", 100.0, 800.0),
        (201501, 1, 2, "B", 100.0, 100.0),
        (201501, 3, 2, "A", 100.0, 50.0),
        (201601, 1, 2, "A", 10.0, 60.0),
        (201602, 1, 2, "B", 20.0, 21.0),
        (201603, 4, 2, "A", 30.0, None),
        (201701, 4, 5, "A", 40.0, 41.0),
        (201701, 1, 2, "A", None, 999.0),
    )


def test_the_hidden_side_s_later_reports_are_nowhere_in_what_is_handed_over(given: pl.DataFrame) -> None:
    (experiments,) = held_out_years(given, "frozen")
    for experiment in experiments:
        hidden = [name for name in SIDES if name.startswith(experiment.hidden)]
        assert experiment.history["period"].max() == 201503
        assert experiment.shown.select(pl.all_horizontal(pl.col(hidden).is_null()).all()).item()
        assert experiment.shown["period"].min() == 201601


def test_rows_without_the_shown_side_are_not_asked_for(given: pl.DataFrame) -> None:
    experiment = hold_out(given, "import", 2016, 2017)
    assert experiment.shown.height == 4
    assert experiment.shown["import_value_usd"].null_count() == 4


@pytest.mark.parametrize(("split", "first_years"), [("rolling", [2017]), ("fitted once", [2016, 2017])])
def test_year_by_year_the_year_before_is_known_and_no_later(given: pl.DataFrame, split: str, first_years: list[int]) -> None:
    known = {2016: 201503, 2017: 201603}
    spans = list(held_out_years(given, split))
    assert [[(each.hidden, each.first_year) for each in span] for span in spans] == [
        [("import", year), ("export", year)] for year in first_years
    ]
    for each in (experiment for span in spans for experiment in span):
        assert each.history["period"].max() == known[each.first_year]
        assert (each.shown["period"] // 100).unique().to_list() == [each.first_year]


def predicted(given: pl.DataFrame) -> Iterator[dict[str, float]]:
    told = predict_simply(hold_out(given, "import", 2016, 2017), "value").sort("period", "commodity_code")
    for row in told.iter_rows(named=True):
        yield {name: round(math.exp(row[name]), 3) for name in (*SIMPLE_METHODS, "log_shown", "log_true")}


def test_the_simple_methods(given: pl.DataFrame) -> None:
    first, second, third = predicted(given)
    # ratios of corridor 1-2: 2, 4, 8 on A and 1 on B; of importer 2 also a half
    corridor = (4 * math.log(8) / 2 + 5 * math.log(2)) / 9
    assert first == {
        "log_shown": 10, "log_true": 60, "other side as it is": 10, "other side, 1.06": 10.6,
        "reporter's median ratio": 20, "corridor's median ratio": round(10 * math.sqrt(8), 3), "corridor and code's median ratio": 40,
        "median ratios, shrunk": pytest.approx(10 * math.exp((3 * math.log(4) + 5 * corridor) / 8), abs=1e-3),
        "same month a year before": 200, "mean of it and other side": round(math.sqrt(2000), 3),
    }  # fmt: skip
    # B in February has no last year's February: the other side as it is
    assert (second["same month a year before"], second["corridor and code's median ratio"]) == (20, 20)
    # corridor 4-5 is new, and so is importer 5: the median of all
    assert third["corridor's median ratio"] == third["reporter's median ratio"] == 80


def test_a_weight_has_no_freight(given: pl.DataFrame) -> None:
    told = predict_simply(hold_out(given, "export", 2016, 2017), "kg")
    assert told["other side, 1.06"].to_list() == told["other side as it is"].to_list()


def foretell(learnt: object, history: pl.DataFrame, shown: pl.DataFrame) -> pl.DataFrame:
    """Foretell all but the last row: twice the other side, within a factor that grows with the level."""
    assert history.height
    assert learnt is not None
    columns = {}
    for measure, name in PREDICTED.items():
        centre = 2 * pl.coalesce(MEASURES[measure])
        columns[name] = centre
        for level, factor in {50: 1.5, 80: 2.0, 90: 4.0, 99: 8.0}.items():
            columns |= {f"{name}_lower_{level}": centre / factor, f"{name}_upper_{level}": centre * factor}
    side = pl.when(pl.col("import_value_usd").is_null()).then(pl.lit("import")).otherwise(pl.lit("export")).alias("hidden_side")
    is_last = pl.col("period") == pl.col("period").max().over(side)
    return shown.filter(~is_last).with_columns(side, **columns)


def test_predictions_are_judged_by_their_intervals_and_a_missing_one_is_outside(given: pl.DataFrame) -> None:
    experiment = hold_out(given, "import", 2016, 2017)
    rows = judge_predictions(experiment, "value", foretell((), experiment.history, experiment.shown))
    told = rows.sort("period").select("tradeflow", "is_inside_50", "is_inside_80", "is_inside_90", "size_usd_or_kg").rows()
    assert told == [
        (pytest.approx(math.log(20)), False, False, True, 100),
        (pytest.approx(math.log(40)), False, True, True, 100),
        (pytest.approx(math.log(40)), False, False, False, 100),
    ]
    summary = summarise_predictions(rows, ["period"])
    assert summary["tradeflow"].to_list() == [
        pytest.approx(math.log(3)),
        pytest.approx(math.log(40 / 21)),
        pytest.approx(math.log(41 / 40)),
    ]


def test_a_real_set_is_judged_in_each_split(given: pl.DataFrame) -> None:
    learnt_up_to = []

    def learn(history: pl.DataFrame, shown: pl.DataFrame) -> int:
        assert shown["period"].to_numpy().min() > (newest := int(history["period"].to_numpy().max()))
        learnt_up_to.append(newest)
        return newest

    tables = judge_real_set(given, learn, foretell)
    assert tables["real"].select("split", "hidden", "measure", "rows").rows() == [
        (split, hidden, measure, rows)
        for split, rows in (("frozen", 3), ("fitted once", 3), ("rolling", 1))
        for hidden in ("export", "import")
        for measure in ("kg", "value")
    ]
    assert learnt_up_to == [201503, 201503, 201603]
    by_year = [(split, year, rows) for split in ("frozen", "fitted once") for year, rows in [(2016, 4), (2017, 2)] * 2]
    assert tables["real_by_year"].select("split", "year", "rows").rows() == by_year


def test_source_files_become_pairs(tmp_path: Path) -> None:
    rows = [
        LEGACY_HEADER,
        "201501,1,Imports,Germany,Chile,282760,Iodides,5400,151000",
        "201501,2,Exports,Chile,Germany,282760,Iodides,5000,0150000",
    ]
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / "figures.csv").write_text("\n".join(rows) + "\n")
    told = pair_real_rows(read_real_rows(tmp_path / "given")).select(*PAIR_KEY, *SIDES)
    assert told.rows() == [("M", 201501, 152, 276, "282760", 150000.0, 151000.0, 5000.0, 5400.0)]
