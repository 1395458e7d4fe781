"""Why a side of anyone's own table is silent: the reasons of the pipeline's stage, found part by part."""

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradeflow.own_table.partition import KeySpace
from tradeflow.own_table.silent_side import SilentSides
from tradeflow.reconcile.absence import explain_missing_sides
from tradeflow.reconcile.pairs import ROUTE_NUMBER

AREAS, CODES, MONTHS = 6, 4, 8
SPACE = KeySpace(AREAS, CODES, MONTHS)
PERIODS = pl.Series("period", [202401 + month for month in range(MONTHS)], dtype=pl.Int32)
KEY = ["commodity", "exporter", "importer", "period"]


def told_of(*pairs: pl.DataFrame, by_month: bool = True) -> pl.DataFrame:
    silent = SilentSides(SPACE, np.arange(24_288, 24_288 + MONTHS) if by_month else None, 1000.0)
    for part in pairs:
        silent.note(part)
    reasons = [silent.count(part) for part in pairs]
    return pl.concat([silent.tell(*each) for each in zip(pairs, reasons, strict=True)])


def trade(seed: int) -> pl.DataFrame:
    """Pairs of which some have one side; one area is no exporter, one code is never exported by another, months are missing."""
    random = np.random.default_rng(seed)
    grid = [(c, e, i, t) for c in range(CODES) for e in range(AREAS) for i in range(AREAS) if e != i for t in range(MONTHS)]
    places = pl.DataFrame(grid, schema=dict.fromkeys(KEY, pl.Int32), orient="row")
    c, e, i, t = (places[name].to_numpy() for name in KEY)
    x, m = (np.where(random.random(len(grid)) < 0.6, np.exp(random.normal(8, 2, len(grid))), np.nan) for _ in range(2))
    x[(e == 0) | ((c == 1) & (e == 2)) | ((e == 3) & (t > 5)) | ((c == 3) & (t == 2))] = np.nan
    m[((i == 4) & (t == 3)) | ((c == 2) & (i == 5))] = np.nan
    made = places.with_columns(export_value_usd=pl.Series(x), import_value_usd=pl.Series(m))
    return made.filter(pl.col("export_value_usd").is_finite() | pl.col("import_value_usd").is_finite())


def by_the_stage(pairs: pl.DataFrame) -> pl.DataFrame:
    """Return what `reconcile.absence` says of the same pairs, each side's published periods being those of which it reports anything."""
    coded = pairs.select(
        pl.lit("M").alias("freq_code"),
        PERIODS.gather(pairs["period"]),
        pl.format("29{}", pl.col("commodity").cast(pl.String).str.zfill(4)).alias("commodity_code"),
        pl.col("export_value_usd", "import_value_usd").fill_nan(None),
        exporter_code="exporter",
        importer_code="importer",
    ).with_columns(pl.struct("exporter_code", "importer_code", "commodity_code").rank("dense").alias(ROUTE_NUMBER))
    sides = [("X", "exporter_code", "export_value_usd"), ("M", "importer_code", "import_value_usd")]
    told = [
        coded.drop_nulls(usd).select("freq_code", "period", "commodity_code", flow_code=pl.lit(flow), reporter_code=area)
        for flow, area, usd in sides
    ]
    rows = pl.concat(told).unique()
    coverage = rows.drop("commodity_code").unique().with_columns(coverage_status=pl.lit("reported"))
    return explain_missing_sides(coded, coverage, rows.drop("reporter_code").unique(), 1000.0)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_the_reasons_are_those_of_the_stage(seed: int) -> None:
    pairs = trade(seed)
    ours, theirs = told_of(pairs)["mirror_reason"].cast(pl.String), by_the_stage(pairs)["mirror_reason"]
    assert ours.to_list() == theirs.to_list()


def test_the_generated_trade_has_every_reason_but_the_pipelines_own() -> None:
    met = set(told_of(trade(1))["mirror_reason"].cast(pl.String))
    near = {"recorded_later", "recorded_earlier"}
    assert met == {None, "partner_never_reports", "no_record_of_code", "not_reported_yet", "below_threshold", "not_recorded"} | near


def test_parts_say_what_the_whole_says() -> None:
    pairs = trade(2)
    parts = pairs.filter(pl.col("commodity") < 2), pairs.filter(pl.col("commodity") >= 2)
    assert told_of(*parts).equals(told_of(pairs))


def test_without_months_nothing_is_recorded_later() -> None:
    assert not told_of(trade(3), by_month=False)["mirror_reason"].cast(pl.String).str.starts_with("recorded").any()


def row(exporter: int, importer: int, period: int, x: float | None, m: float | None, commodity: int = 0) -> dict[str, Any]:
    nan = float("nan")
    return dict(zip(KEY, (commodity, exporter, importer, period), strict=True)) | {
        "export_value_usd": nan if x is None else x, "import_value_usd": nan if m is None else m,
    }  # fmt: skip


def test_who_seldom_misses_would_have_reported() -> None:
    careful = [row(1, 2, t, 5e3, 5e3, commodity=c) for t in range(MONTHS) for c in range(CODES)]
    careless = [row(1, 3, t, 5e3, 5e3 if (t + c) % 2 else None, commodity=c) for t in range(MONTHS) for c in range(CODES)]
    missed = [row(4, 2, 0, 5e3, None), row(4, 3, 0, 5e3, None), row(4, 3, 1, 900.0, None)]
    pairs = pl.DataFrame([*careful, *careless, *missed]).with_columns(pl.col(KEY).cast(pl.Int32))
    told = told_of(pairs.sort(KEY), by_month=False)
    asked = pl.concat([pairs.sort(KEY), told], how="horizontal").filter(pl.col("exporter") == 4)
    chance = asked.sort("importer", "period")["partner_report_probability"].to_list()

    assert chance[0] > 0.85
    assert chance[1] == pytest.approx(0.5, abs=0.12)
    assert chance[2] is None
