"""`tradeflow score-series`: anyone's monthly series in, scored months and a summary out; nothing passes in silence."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner, Result
from polars.testing import assert_frame_equal

from tests.model.test_seasonal import panel
from tradeflow.cli import main
from tradeflow.contract import load_contract
from tradeflow.model.own_series import score_series
from tradeflow.model.series import make_calendar
from tradeflow.own_table.series_reading import read_series

CALENDAR = make_calendar("M", 201901, 202312)


def usual(series: int = 1, months: int = 60, noise: float = 0.15, seed: int = 1) -> np.ndarray:
    return np.exp(panel(np.random.default_rng(seed), series, months - 1, noise))


def table(kg: np.ndarray, names: list[str] | None = None) -> pl.DataFrame:
    """Rows of series that all end with the calendar."""
    series, months = kg.shape
    return pl.DataFrame(
        {
            "series_id": np.repeat(names or [f"s{place:03}" for place in range(series)], months),
            "period": np.tile(CALENDAR[-months:], series),
            "net_weight_kg": kg.ravel(),
        }
    ).with_columns(pl.col("net_weight_kg").fill_nan(None))


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Result]:
    def run(given: pl.DataFrame | str, *options: str, name: str = "in.csv") -> Result:
        if isinstance(given, str):
            (tmp_path / name).write_text(given)
        elif name.endswith("parquet"):
            given.write_parquet(tmp_path / name)
        else:
            given.write_csv(tmp_path / name)
        paths = [str(tmp_path / each) for each in (name, "out.csv", "summary.csv")]
        return CliRunner().invoke(main, ["score-series", paths[0], paths[1], "--summary", paths[2], *options])

    return run


def test_both_tables_keep_their_contracts_and_every_month_with_history_has_a_row(run, tmp_path: Path) -> None:
    kg = usual(3)
    kg[0, -1] *= 4
    result = run(table(kg))
    assert result.exit_code == 0, result.output
    assert "3 series, 144 months" in result.stdout
    scores, changes = pl.read_csv(tmp_path / "out.csv"), pl.read_csv(tmp_path / "summary.csv")
    assert scores.columns == load_contract("own_series_score").column_names
    assert changes.columns == load_contract("own_series_change").column_names
    strange = scores.filter(pl.col("anomaly_score") == pl.col("anomaly_score").max()).row(0, named=True)
    assert (strange["series_id"], strange["period"]) == ("s000", 202312)
    assert strange["p_value"] < 0.001
    assert strange["upper_kg"] < strange["observed_kg"]
    assert changes.row(0, named=True) | {"group": None} == {
        "series_id": "s000",
        "group": None,
        "last_month_score": strange["anomaly_score"],
        "six_month_score": changes["six_month_score"].max(),
        "change_kind": "spike",
        "change_period": 202312,
        "not_scored_reason": None,
    }
    assert changes["change_kind"].to_list()[1:] == ["none", "none"]


def test_last_gives_the_same_rows_as_the_full_history(run, tmp_path: Path) -> None:
    kg = usual(4)
    kg[1, 20:30] = 0.0
    kg[2, 40] = np.nan
    assert run(table(kg)).exit_code == 0
    full = pl.read_csv(tmp_path / "out.csv").filter(pl.col("period") >= 202311)
    assert run(table(kg), "--last", "2").exit_code == 0
    assert_frame_equal(pl.read_csv(tmp_path / "out.csv"), full, rel_tol=1e-9)


BY_NEIGHBOURS = ["lower_kg", "upper_kg", "p_value"]
"""What the past errors of a table set."""


def test_order_and_form_of_the_month_change_nothing_and_neighbours_no_score(run, tmp_path: Path) -> None:
    rows = table(usual(120))
    scores, changes = score_series(read(rows, tmp_path), last=1)
    shuffled = rows.sample(fraction=1, shuffle=True, seed=3).with_columns(
        pl.col("period").cast(pl.String).str.replace(r"(\d{4})(\d{2})", "$1-$2-01")
    )
    again, _ = score_series(read(shuffled, tmp_path), last=1)
    assert_frame_equal(again, scores, rel_tol=1e-9)
    alone, change = score_series(read(rows.filter(pl.col("series_id") == "s077"), tmp_path), last=1)
    assert_frame_equal(alone.drop(BY_NEIGHBOURS), scores.filter(pl.col("series_id") == "s077").drop(BY_NEIGHBOURS), rel_tol=1e-9)
    assert_frame_equal(change, changes.filter(pl.col("series_id") == "s077"), rel_tol=1e-9)


def read(rows: pl.DataFrame, folder: Path) -> pl.DataFrame:
    rows.write_csv(folder / "rows.csv")
    return read_series(folder / "rows.csv").rows


@pytest.mark.parametrize("written", ["2024-03", "202403", "2024-03-31", "2024-03-01T00:00:00", "2024M03", "2024-M03", "202403.0"])
def test_a_month_is_read_in_many_forms(written: str, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text(f"series_id,period,net_weight_kg\na,{written},5\n")
    assert read_series(tmp_path / "in.csv").rows.row(0) == ("a", 202403, 5.0)


def test_dates_and_numbers_of_parquet_are_read(tmp_path: Path) -> None:
    dates = table(usual(1)).with_columns(pl.col("period").cast(pl.String).str.strptime(pl.Date, "%Y%m"))
    dates.write_parquet(tmp_path / "in.parquet")
    assert read_series(tmp_path / "in.parquet").rows["period"].to_list() == CALENDAR.tolist()


def test_rows_that_cannot_be_used_are_kept_beside_with_their_reason(run, tmp_path: Path) -> None:
    good = "".join(f"a,{period},{100 + period % 7}\n" for period in CALENDAR)
    bad = "a,202413,5\na,next month,5\n,202401,5\na,201901,-3\nb,201901,many\nb,201902,inf\nc,201901,5\nc,201901,6\n"
    result = run(f"Series_ID , period,net_weight_kg,port\n{''.join(line + ',x' + chr(10) for line in (good + bad).splitlines())}")
    assert result.exit_code == 0, result.output
    assert "columns that are not used: port" in result.stderr
    unused = pl.read_csv(tmp_path / "out.set_aside.csv")
    assert unused["row_number"].to_list() == list(range(61, 69))
    assert unused["reason"].str.slice(0, 20).to_list() == [
        "period is not a mont",
        "period is not a mont",
        "no series_id",
        "net_weight_kg is neg",
        "net_weight_kg is not",
        "net_weight_kg is not",
        "the month has anothe",
        "the month has anothe",
    ]
    others = pl.read_csv(tmp_path / "out.csv").filter(pl.col("series_id") != "a")
    assert others.select("series_id", "period", "not_scored_reason").rows() == [
        ("b", 201902, "not_reported"),
        ("c", 201901, "not_reported"),
    ]


def test_a_newest_month_that_cannot_be_used_is_missing_and_the_one_before_is_not_taken_for_it(run, tmp_path: Path) -> None:
    usable = table(usual(1))
    last = usable.tail(1)
    negative, doubled = (last.with_columns(pl.col("net_weight_kg") * factor) for factor in (-1, 2))
    for refused in (negative, pl.concat([last, doubled])):
        assert run(pl.concat([usable.head(59), refused])).exit_code == 0
        newest = pl.read_csv(tmp_path / "out.csv").tail(1).row(0, named=True)
        assert (newest["period"], newest["observed_kg"], newest["not_scored_reason"]) == (202312, None, "not_reported")
        assert newest["lower_kg"] < newest["expected_kg"] < newest["upper_kg"]
        assert pl.read_csv(tmp_path / "summary.csv")["last_month_score"].to_list() == [None]


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16", "utf-8-sig"])
def test_names_in_another_encoding_stay_apart(encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_text("series_id;period;net_weight_kg\nPerú-á;202401;1\nPerú-é;202401;2\n", encoding=encoding)
    assert read_series(path).rows.sort("net_weight_kg")["series_id"].to_list() == ["Perú-á", "Perú-é"]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (["1,5", "2,750", "1234"], [1.5, 2.75, 1234.0]),
        (["1,50", "", "0"], [1.5, None, 0.0]),
        (["1,500", "2", "3"], [None, 2.0, 3.0]),
        (["1.5", "2,75", "3"], [1.5, None, 3.0]),
        (["1,500,000", "2,75", "3"], [None, None, 3.0]),
    ],
)
def test_a_comma_is_a_decimal_one_where_it_can_be_nothing_else(written: list[str], read: list[float | None], tmp_path: Path) -> None:
    months = "".join(f"a;20240{place + 1};{weight}\n" for place, weight in enumerate(written))
    (tmp_path / "in.csv").write_text(f"series_id;period;net_weight_kg\n{months}")
    table = read_series(tmp_path / "in.csv")
    assert table.rows.sort("period")["net_weight_kg"].to_list() == read
    assert any("decimal commas" in note for note in table.notes) == (table.set_aside.is_empty())


def test_months_to_come_and_series_in_two_groups_are_told(run) -> None:
    rows = table(usual(1)).with_columns(period=pl.col("period") + 7500, group=pl.Series(["x", "y"] * 30))
    told = run(rows).stderr
    assert "60 rows of months later than" in told
    assert "1 series stand in more than one group" in told


def test_a_repeated_row_counts_once(run, tmp_path: Path) -> None:
    rows = table(usual(1))
    assert "1 row repeating" in run(pl.concat([rows, rows.tail(1)])).stderr
    assert pl.read_csv(tmp_path / "out.csv")["period"].is_unique().all()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("", "empty"),
        ("series_id,period,net_weight_kg\n", "a heading without a row"),
        ("series_id,month,net_weight_kg\na,202401,1\n", "no column period"),
        ("series_id,period,net_weight_kg\na,soon,1\n", "none of its 1 rows can be used: period is not a month"),
        ("series_id,Period,period,net_weight_kg\na,202401,202401,1\n", "are both read as period"),
    ],
    ids=["empty", "heading", "no period", "no month", "twice"],
)
def test_a_table_that_says_nothing_is_refused_in_one_line(run, given: str, said: str, tmp_path: Path) -> None:
    result = run(given)
    assert result.exit_code == 2
    assert said in result.output
    assert len(result.output.strip().splitlines()) == 1
    assert not (tmp_path / "out.csv").exists()


def test_in_is_never_overwritten(tmp_path: Path) -> None:
    table(usual(1)).write_csv(tmp_path / "in.csv")
    result = CliRunner().invoke(main, ["score-series", str(tmp_path / "in.csv"), str(tmp_path / "in.csv")])
    assert result.exit_code == 2
    assert "must be different files" in result.output


def newest(kg: np.ndarray) -> list[dict]:
    scores, _ = score_series(table(kg), last=1)
    assert scores.height == len(kg)
    return scores.to_dicts()


@pytest.mark.parametrize("months", [1, 2, 6, 12])
def test_a_short_series_has_a_row_that_says_so(months: int) -> None:
    (row,) = newest(usual(1, months))
    assert row["not_scored_reason"] == "short_history"
    assert row["anomaly_score"] is None
    assert row["p_value"] is None


@pytest.mark.parametrize("months", [13, 19, 36])
def test_a_year_of_history_is_enough_for_a_score(months: int) -> None:
    kg = usual(30, months)
    kg[:, -1] *= 5
    rows = newest(kg)
    assert all(row["not_scored_reason"] is None for row in rows)
    assert np.mean([row["p_value"] < 0.05 for row in rows]) > 0.8


def test_zeros_and_missing_months_are_different_things() -> None:
    silent, unknown, all_zero, all_missing = usual(4)
    silent[-1], unknown[-1], all_zero[:], all_missing[:] = 0.0, np.nan, 0.0, np.nan
    rows = newest(np.array([silent, unknown, all_zero, all_missing]))
    assert [row["not_scored_reason"] for row in rows] == [None, "not_reported", "few_amounts", "not_reported"]
    assert [row["p_value"] for row in rows] == [1.0, None, 1.0, None]
    assert [row["anomaly_score"] for row in rows] == [0.0, None, 0.0, None]
    assert [row["expected_kg"] is None for row in rows] == [False, False, True, True]


def test_constant_and_huge_series_give_finite_figures() -> None:
    kg = np.array([np.full(60, 1_000.0), np.full(60, 1e300), np.full(60, 1e-9), np.geomspace(1, 1e12, 60)])
    kg[0, -1] = 1_500.0
    rows = newest(kg)
    for row in rows:
        assert all(np.isfinite(row[name]) for name in ("expected_kg", "lower_kg", "upper_kg", "p_value", "anomaly_score"))
    assert rows[0]["p_value"] < 0.01
    assert rows[1]["p_value"] > 0.05


def test_a_unit_change_of_the_newest_month_is_strange() -> None:
    kg = usual(3)
    kg[0, -1] *= 1_000
    kg[1, -1] *= 5
    strange, high, ordinary = (row["anomaly_score"] for row in newest(kg))
    assert min(strange, high) > 90 > 10 > ordinary


def test_a_code_that_was_born_and_one_that_was_restated_are_ordinary_again() -> None:
    kg = usual(40)
    kg[:20, :30] = 0.0
    kg[20:, -36:-12] *= 0.5
    assert np.mean([row["p_value"] < 0.05 for row in newest(kg)]) < 0.2


def test_trade_out_of_nothing_is_strange_by_its_presence_alone(run) -> None:
    kg = np.zeros((1, 60))
    kg[0, -1] = 4e4
    scores, changes = score_series(table(kg), last=1)
    (row,) = scores.to_dicts()
    assert row["expected_kg"] is None
    assert row["not_scored_reason"] == "few_amounts"
    assert row["p_value"] < 0.05
    assert changes.row(0, named=True)["change_kind"] == "first_trade_after_silence"
    assert changes.row(0, named=True)["change_period"] == 202312


def test_a_series_that_ends_early_is_judged_by_its_own_newest_month() -> None:
    old, new = table(usual(1, 60), ["old"]), table(usual(1, 60), ["new"])
    early = old.with_columns(pl.col("period") - 500)
    scores, changes = score_series(pl.concat([early, new]))
    alone, change_alone = score_series(early)
    assert_frame_equal(scores.filter(pl.col("series_id") == "old").drop(BY_NEIGHBOURS), alone.drop(BY_NEIGHBOURS))
    assert_frame_equal(changes.filter(pl.col("series_id") == "old"), change_alone)
    assert alone["period"].max() == 201812


def test_a_missing_newest_month_still_has_a_row() -> None:
    kg = usual(1)
    kg[0, -1] = np.nan
    scores, changes = score_series(table(kg))
    last = scores.row(-1, named=True)
    assert (last["period"], last["not_scored_reason"]) == (202312, "not_reported")
    assert changes.row(0, named=True)["last_month_score"] is None


def test_one_percent_of_ordinary_newest_months_alarm() -> None:
    random = np.random.default_rng(12)
    noise = random.standard_t(6, (4_000, 48)) / np.sqrt(1.5) * random.uniform(0.1, 0.5, (4_000, 1))
    season = 0.3 * np.cos(2 * np.pi * np.arange(48) / 12 + random.uniform(0, 6, (4_000, 1)))
    scores, _ = score_series(table(np.exp(10 + season + noise), [f"{place:05}" for place in range(4_000)]), last=1)
    assert 0.006 <= scores.select((pl.col("p_value") <= 0.01).mean()).item() <= 0.014


def test_group_is_carried_through(tmp_path: Path) -> None:
    rows = table(usual(2)).with_columns(group=pl.col("series_id").str.slice(3, 1))
    scores, changes = score_series(read(rows, tmp_path), last=1)
    assert scores["group"].to_list() == changes["group"].to_list() == ["0", "1"]


def test_group_of_numbers_is_read(tmp_path: Path) -> None:
    rows = table(usual(1)).with_columns(group=pl.lit(7))
    rows.write_parquet(tmp_path / "in.parquet")
    assert score_series(read_series(tmp_path / "in.parquet").rows, last=1)[0]["group"].to_list() == ["7"]
