"""`tradeflow reconcile IN OUT`: what a person gives, what comes back, and what is said when it cannot be done."""

import math
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.reconcile.trade_rows import care_of, two_sided_world
from tradeflow.cli import main
from tradeflow.contract import load_contract
from tradeflow.own_table import partition
from tradeflow.own_table.reconcile_trade import reconcile_own_table

KEY = ["exporter", "importer", "commodity", "period"]


def own_table(seed: int = 1, countries: int = 8, codes: int = 30) -> pl.DataFrame:
    world = two_sided_world(seed, countries, codes)
    return world.select(
        "flow_code",
        pl.format("land {}", "reporter_code").alias("reporter"),
        pl.format("land {}", "partner_code").alias("partner"),
        pl.col("commodity_code").alias("commodity"),
        pl.col("primary_value_usd").alias("value_usd"),
        "net_weight_kg",
        pl.lit("2022").alias("period"),
    )


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["reconcile", *map(str, arguments)])


def written(folder: Path, table: pl.DataFrame, name: str = "in.parquet") -> Path:
    path = folder / name
    table.write_parquet(path) if path.suffix == ".parquet" else table.write_csv(path)
    return path


def reconciled(folder: Path, table: pl.DataFrame, out: str = "out.parquet") -> pl.DataFrame:
    reconcile_own_table(written(folder, table), folder / out)
    return pl.read_parquet(folder / out)


def test_the_result_keeps_its_contract_and_loses_no_pair(tmp_path: Path) -> None:
    table = own_table()
    pairs = reconciled(tmp_path, table)
    assert dict(pairs.schema) == dict(load_contract("own_trade_pair").schema)
    is_export = pl.col("flow_code") == "X"
    keys = table.select(
        pl.when(is_export).then("reporter").otherwise("partner").alias("exporter"),
        pl.when(is_export).then("partner").otherwise("reporter").alias("importer"),
        "commodity",
        "period",
    ).unique()
    assert pairs.select(KEY).sort(KEY).equals(keys.sort(KEY))
    for column, flow in (("export_value_usd", "X"), ("import_value_usd", "M")):
        assert pairs[column].sum() == pytest.approx(table.filter(pl.col("flow_code") == flow)["value_usd"].sum())
    assert pairs["mirror_status"].value_counts().height == 3


def test_the_reporters_stand_beside_the_result_the_steadiest_first(tmp_path: Path) -> None:
    reconciled(tmp_path, own_table(countries=9, codes=60))
    reporters = pl.read_parquet(tmp_path / "out.reporters.parquet")
    assert dict(reporters.schema) == dict(load_contract("own_reporter").schema)
    exporters = reporters.filter((pl.col("flow_code") == "X") & (pl.col("measure") == "net_weight") & (pl.col("product_group") == "all"))
    care = [care_of(int(name.removeprefix("land ")), 0) for name in exporters["reporter"]]
    assert care == sorted(care)
    assert set(reporters["product_group"]) == {"all", "29"}


def test_a_table_without_codes_has_one_group_of_products(tmp_path: Path) -> None:
    reconciled(tmp_path, own_table(countries=5, codes=20).with_columns(pl.format("goods {}", "commodity").alias("commodity")))
    reporters = pl.read_parquet(tmp_path / "out.reporters.parquet")
    assert set(reporters["product_group"]) == {"all"}
    assert not reporters.select("reporter", "flow_code", "measure").is_duplicated().any()


def test_csv_and_parquet_say_the_same(tmp_path: Path) -> None:
    table = own_table(countries=5, codes=10)
    assert run(written(tmp_path, table), tmp_path / "a.csv").exit_code == 0
    assert run(written(tmp_path, table, "in.csv"), tmp_path / "b.csv").exit_code == 0
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()


def test_the_summary_counts_and_shows_each_step(tmp_path: Path) -> None:
    table = own_table(countries=5, codes=10)
    told = run(written(tmp_path, table), tmp_path / "out.csv").output
    assert f"{table.height:,} rows read" in told
    assert all(f"{step} " in told for step in ("read", "pair", "fit", "score", "write"))


BROKEN = {
    "flow_code is none of M, X, RM, RX": {"flow_code": "Z"},
    "flow_code is missing": {"flow_code": None},
    "re-exports and re-imports are contained in X and M: not paired": {"flow_code": "RX"},
    "reporter is missing": {"reporter": None},
    "reporter and partner are the same": {"partner": "land 1"},
    "World is the sum of all partners: not paired": {"partner": "World"},
    "partner is missing": {"partner": " "},
    "value_usd is negative": {"value_usd": "-5"},
    "value_usd is missing": {"value_usd": None},
    "value_usd is no number": {"value_usd": "many"},
    "value_usd is not finite": {"value_usd": "inf"},
    "net_weight_kg is negative": {"net_weight_kg": "-1"},
    "period is missing": {"period": None},
}


@pytest.mark.parametrize(("reason", "fault"), BROKEN.items(), ids=BROKEN)
def test_a_row_that_cannot_be_used_is_kept_aside_with_its_reason(tmp_path: Path, reason: str, fault: dict[str, str | None]) -> None:
    table = own_table(countries=4, codes=5).cast(pl.String)
    row = {"flow_code": "X", "reporter": "land 1", "partner": "land 9", "commodity": "290001", "value_usd": "10", "net_weight_kg": "1"}
    broken = pl.DataFrame([row | {"period": "2022"} | fault], schema=table.schema)
    result = run(written(tmp_path, pl.concat([table, broken]), "in.csv"), tmp_path / "out.csv")
    assert result.exit_code == 0, result.output
    aside = pl.read_csv(tmp_path / "out.set_aside.csv", infer_schema=False)
    assert aside.select("row_number", "reason").rows() == [(str(table.height + 1), reason)]
    assert reason in result.output


@pytest.mark.parametrize("name", ["in.csv", "in.parquet"])
def test_blanks_around_labels_and_small_letters_of_a_flow_change_nothing(tmp_path: Path, name: str) -> None:
    table = own_table(countries=5, codes=10)
    given = {"plain": table, "loose": table.with_columns(
        pl.col("flow_code").str.to_lowercase(), pl.format(" {}  ", "reporter").alias("reporter"),
        pl.format("{} ", "commodity").alias("commodity"),
    )}  # fmt: skip
    for out, rows in given.items():
        assert run(written(tmp_path, rows, name), tmp_path / f"{out}.csv").exit_code == 0
    assert (tmp_path / "loose.csv").read_bytes() == (tmp_path / "plain.csv").read_bytes()


@pytest.mark.parametrize(("code", "is_world"), [("0", True), ("00", True), ("W00", True), ("wld", True), ("10", False)])
def test_the_world_is_known_by_its_codes(tmp_path: Path, code: str, is_world: bool) -> None:
    table = own_table(countries=4, codes=5).with_columns(pl.col("reporter", "partner").str.strip_prefix("land "))
    total = table.head(1).with_columns(partner=pl.lit(code))
    told = run(written(tmp_path, pl.concat([table, total])), tmp_path / "out.csv").output
    assert ("World is the sum" in told) == is_world


def test_an_area_named_nought_among_names_is_an_area(tmp_path: Path) -> None:
    table = own_table(countries=4, codes=5)
    told = run(written(tmp_path, pl.concat([table, table.head(1).with_columns(partner=pl.lit("0"))])), tmp_path / "out.csv").output
    assert "set aside" not in told


def test_what_keeps_a_table_from_being_compared_is_said(tmp_path: Path) -> None:
    table = own_table(countries=4, codes=5)
    (tmp_path / "km.csv").write_text("exporter,importer,distance_km\nland 1,land 2,900\n")
    given = written(tmp_path, pl.concat([table, table.head(9).with_columns(period=pl.lit("202201"))]))
    told = run(given, tmp_path / "out.csv", "--distances", tmp_path / "km.csv").output
    assert "note: periods that are no months beside others that are (2022): their sides are compared as reported" in told
    assert "note: distances known of 2 of 12 corridors" in told
    alone = run(written(tmp_path, table.filter(pl.col("flow_code") == "M")), tmp_path / "out.csv").output
    assert "note: no pair has both sides" in alone


def test_a_repeated_row_is_set_aside_and_a_different_one_is_added(tmp_path: Path) -> None:
    table = own_table(countries=4, codes=5)
    first = table.row(0, named=True)
    more = pl.DataFrame([first, first | {"value_usd": 7.0, "net_weight_kg": 3.0}], schema=table.schema)
    pairs = reconciled(tmp_path, pl.concat([table, more]))
    side = "export" if first["flow_code"] == "X" else "import"
    ends = (first["reporter"], first["partner"]) if side == "export" else (first["partner"], first["reporter"])
    pair = pairs.filter((pl.col("exporter") == ends[0]) & (pl.col("importer") == ends[1]) & (pl.col("commodity") == first["commodity"]))
    assert pair[f"{side}_value_usd"].item() == pytest.approx(first["value_usd"] + 7)
    aside = pl.read_parquet(tmp_path / "out.set_aside.parquet")
    assert aside["reason"].to_list() == ["repeats another row in every figure"]
    assert aside["row_number"].to_list() == [table.height + 1]


UNUSABLE = {
    "no such file": None,
    "empty: there is not even a heading": "",
    "a heading without a row": "flow_code,reporter,partner,commodity,value_usd\n",
    "no column commodity, value_usd": "flow_code,reporter,partner\nX,a,b\n",
    "none of its 1 rows can be used: value_usd is no number (1)": "flow_code,reporter,partner,commodity,value_usd\nX,a,b,c,d\n",
}


@pytest.mark.parametrize(("told", "text"), UNUSABLE.items(), ids=UNUSABLE)
def test_when_nothing_can_be_done_one_line_says_why(tmp_path: Path, told: str, text: str | None) -> None:
    path = tmp_path / "in.csv"
    if text is not None:
        path.write_text(text)
    result = run(path, tmp_path / "out.csv")
    assert result.exit_code == 2
    assert told in result.stderr
    assert str(path) in result.stderr
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "out.csv").exists()


def test_a_file_that_is_no_parquet_is_told(tmp_path: Path) -> None:
    path = tmp_path / "in.parquet"
    path.write_text("no parquet")
    result = run(path, tmp_path / "out.csv")
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)


def test_an_unfinished_result_never_takes_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tradeflow.own_table import reconcile_trade

    out = tmp_path / "out.parquet"
    out.write_text("the former result")
    monkeypatch.setattr(reconcile_trade, "pair_columns", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        reconcile_own_table(written(tmp_path, own_table(countries=4, codes=5)), out)
    assert out.read_text() == "the former result"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.parquet", "out.parquet"]


def test_a_weightless_table_without_periods_is_reconciled_by_value(tmp_path: Path) -> None:
    pairs = reconciled(tmp_path, own_table().drop("net_weight_kg", "period"))
    both = pairs.filter(pl.col("mirror_status") == "both")
    assert both["z_kg"].null_count() == both.height
    assert both["z_value"].null_count() == 0
    assert both["p_value"].null_count() == 0
    assert pairs["period"].null_count() == pairs.height


@pytest.mark.parametrize("kept_bytes", [0, 20_000, partition.KEPT_BYTES])
def test_nothing_depends_on_the_order_of_rows_the_number_of_parts_or_where_they_lie(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept_bytes: int
) -> None:
    table = own_table()
    whole = reconciled(tmp_path, table)
    monkeypatch.setattr(partition, "PART_ROWS", 100)
    monkeypatch.setattr(partition, "KEPT_BYTES", kept_bytes)
    monkeypatch.setattr("tradeflow.own_table.trade_reading.BATCH_ROWS", 97)
    shuffled = reconciled(tmp_path, table.sample(fraction=1.0, shuffle=True, seed=3))
    assert shuffled.equals(whole)


def test_a_distance_file_changes_the_margin(tmp_path: Path) -> None:
    table = own_table()
    areas = table["reporter"].unique().sort().to_list()
    random = np.random.default_rng(4)
    rows = [(e, i, math.exp(random.normal(8, 1))) for e in areas for i in areas if e < i]
    pl.DataFrame(rows, schema=["exporter", "importer", "distance_km"], orient="row").write_csv(tmp_path / "km.csv")
    given = written(tmp_path, table)
    assert run(given, tmp_path / "near.parquet", "--distances", tmp_path / "km.csv").exit_code == 0
    assert run(given, tmp_path / "plain.parquet").exit_code == 0
    near, plain = (pl.read_parquet(tmp_path / name)["cif_fob_margin_rate"] for name in ("near.parquet", "plain.parquet"))
    assert near.is_between(0, 0.25 + 1e-9).sum() == near.count()
    assert (near - plain).abs().max() > 0
    bad = tmp_path / "bad.csv"
    bad.write_text("a,b\n1,2\n")
    assert run(given, tmp_path / "o.csv", "--distances", bad).exit_code == 2


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(2, 10_000), factor=st.floats(0.01, 100))
def test_scaling_every_value_scales_the_estimate_and_leaves_z(tmp_path: Path, seed: int, factor: float) -> None:
    table = own_table(seed, countries=6, codes=15)
    pairs = reconciled(tmp_path, table)
    scaled = reconciled(tmp_path, table.with_columns(pl.col("value_usd", "net_weight_kg") * factor))
    assert (scaled["balanced_value_usd"] / pairs["balanced_value_usd"]).to_list() == pytest.approx([factor] * pairs.height, rel=1e-6)
    assert scaled["z_value"].drop_nulls().to_list() == pytest.approx(pairs["z_value"].drop_nulls().to_list(), rel=1e-4, abs=1e-6)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(2, 10_000))
def test_swapping_the_roles_transposes_the_weights(tmp_path: Path, seed: int) -> None:
    """Weight only: of the values the importer's alone carries freight."""
    table = own_table(seed, countries=6, codes=15)
    pairs = reconciled(tmp_path, table)
    swapped = reconciled(tmp_path, table.with_columns(pl.col("flow_code").replace({"X": "M", "M": "X"})))
    turned = swapped.rename({"exporter": "importer", "importer": "exporter"}).sort(KEY)
    pairs = pairs.sort(KEY)
    assert turned["balanced_kg"].to_list() == pytest.approx(pairs["balanced_kg"].to_list(), rel=1e-6)
    assert turned["z_kg"].is_null().equals(pairs["z_kg"].is_null())
