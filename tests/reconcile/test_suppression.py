"""A partner that may be hidden under an unnamed one is no missing mirror; and the stated chances of silence are met."""

import numpy as np
import polars as pl
import pytest

from tests.reconcile.trade_rows import CHINA, INDIA, MEXICO, USA, commodity_coverage_of, coverage_of, flow, reconcile, trade_flow
from tradeflow.reconcile.absence import _find_shifted_mirrors, _join_availability, _miss_rates
from tradeflow.reconcile.pairs import pair_mirror_flows
from tradeflow.reconcile.suppression import mark_suppressed_partners

NES, FREE_ZONES = 899, 838
POOLS = pl.Series([NES, FREE_ZONES], dtype=pl.Int32)
MONTHS = [202400 + month for month in range(1, 7)]


def reason(*rows: dict, exporter: int = CHINA) -> str:
    publish = [flow(reporter, code, USA, 5000, period=month) for month in MONTHS for reporter, code in ((MEXICO, "M"), (CHINA, "X"))]
    pairs, _ = reconcile(trade_flow(*publish, *rows))
    found = mark_suppressed_partners(pairs, POOLS)
    assert found.schema == pairs.schema
    here = (pl.col("exporter_code") == exporter) & (pl.col("importer_code") == MEXICO) & (pl.col("period") == 202403)
    return str(found.filter(here)["mirror_reason"].item())


@pytest.mark.parametrize(
    ("hidden", "expected"),
    [
        ([], "not_recorded"),
        ([(NES, 60_000, 202403)], "suppressed"),
        ([(NES, 30_000, 202403), (FREE_ZONES, 30_000, 202404)], "suppressed"),
        ([(NES, 40_000, 202403)], "not_recorded"),
        ([(NES, 60_000, 202406)], "not_recorded"),
        ([(NES, 60_000, 202402)], "not_recorded"),
        ([(INDIA, 60_000, 202403)], "not_recorded"),
    ],
    ids=["no pool", "in the pool", "in two pools, one later", "a pool too small", "too late", "before it left", "another named partner"],
)
def test_a_missing_importer_may_hold_the_trade_in_a_pool(hidden: list[tuple[int, float, int]], expected: str) -> None:
    pools = [flow(MEXICO, "M", partner, usd, period=period) for partner, usd, period in hidden]
    assert reason(flow(CHINA, "X", MEXICO, 50_000, period=202403), *pools) == expected


@pytest.mark.parametrize(("period", "expected"), [(202402, "suppressed"), (202403, "suppressed"), (202404, "not_recorded")])
def test_a_missing_exporter_held_it_before_it_arrived(period: int, expected: str) -> None:
    imported = flow(MEXICO, "M", CHINA, 50_000, period=202403)
    assert reason(imported, flow(CHINA, "X", NES, 60_000, period=period)) == expected


def test_stated_chances_of_silence_are_met_by_decile() -> None:
    """Reporters, corridors and sizes differ in how often they miss; the estimate sees none of these rates."""
    random = np.random.default_rng(7)
    areas, codes, periods = range(1, 11), range(6), [202200 + month for month in range(1, 13)]
    of_reporter = {area: random.beta(1.5, 8) for area in areas}
    rows = []
    for exporter in areas:
        for importer in areas:
            corridor = of_reporter[importer] * random.gamma(4, 1 / 4)
            for code in codes:
                route = min(0.95, corridor * random.gamma(6, 1 / 6)) if exporter != importer else 1.0
                usd = 10 ** random.uniform(3.5, 6)
                for period in periods if exporter != importer else []:
                    rows.append(flow(exporter, "X", importer, usd, period=period, commodity_code=f"29140{code}"))
                    if random.random() > route:
                        rows.append(flow(importer, "M", exporter, usd, period=period, commodity_code=f"29140{code}"))
    told = trade_flow(*rows)
    x, m = pl.col("export_value_usd"), pl.col("import_value_usd")
    pairs = pair_mirror_flows(told.lazy()).with_columns(
        pl.when(x.is_not_null() & m.is_not_null()).then(pl.lit("both")).otherwise(pl.lit("exporter_only")).alias("mirror_status")
    )
    seen = _join_availability(pairs.with_row_index("_row"), coverage_of(told), commodity_coverage_of(told), 1000)
    chances = _miss_rates(_find_shifted_mirrors(seen), "importer_code", "exporter_only", "_importer_published", 1000)
    judged = seen.join(chances, on="_row").sort("_miss").with_columns(pl.int_range(pl.len()) * 10 // pl.len())
    by_decile = judged.group_by("literal").agg(pl.col("_miss").mean(), m.is_null().mean().alias("_missed"), pl.len()).sort("literal")
    stated, met, count = (by_decile[name].to_numpy() for name in ("_miss", "_missed", "len"))
    assert (np.abs(met - stated) < 0.01 + 3 * np.sqrt(stated * (1 - stated) / count)).all()
    assert stated[-1] > 4 * stated[0]
