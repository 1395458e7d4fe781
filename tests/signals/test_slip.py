"""Which odd unit values are slips before they are prices."""

import polars as pl
import pytest

from tests.signals.tables import candidate, candidates
from tradeflow.signals import Names, RankOptions, rank_leads
from tradeflow.signals.slip import is_likely_slip

NO_WATCH = pl.DataFrame(schema={"commodity_code": pl.String, "substance_code": pl.String, "exposure": pl.String})
CASES = [
    (1000.0, 1000.0, False, "an ordinary price"),
    (5000.0, 1000.0, False, "a fifth of the price: cheap, but a price"),
    (40_000.0, 1000.0, True, "a fortieth of the price: some weights were keyed in a larger unit"),
    (10.0, 2000.0, False, "two hundred times the price: other goods under this code"),
    (10.0, 10_000.0, True, "a thousand times the price: tonnes keyed as kilograms"),
]


@pytest.mark.parametrize(("observed", "stands_for", "is_slip", "story"), CASES, ids=[story for *_, story in CASES])
def test_a_slip_is_told_from_a_price(observed: float, stands_for: float, is_slip: bool, story: str) -> None:
    row = candidate(rule="unit_value_outlier", observed_kg=observed, expected_kg=stands_for)
    assert candidates(row).select(is_likely_slip()).item() is is_slip, story


def test_only_unit_values_are_judged_so() -> None:
    assert not candidates(candidate(rule="excess_import", observed_kg=40_000.0, expected_kg=1000.0)).select(is_likely_slip()).item()


def test_a_likely_slip_ranks_below_an_equally_strange_price() -> None:
    price = candidate(rule="unit_value_outlier", observed_kg=5000.0, expected_kg=1000.0, excess_kg=None, exporter_code=156)
    slip = price | {"observed_kg": 50_000.0, "exporter_code": 699}

    ranked = rank_leads(candidates(price, slip), NO_WATCH, Names({}, {}), RankOptions())

    assert ranked["exporter_code"].to_list() == [156, 699]


@pytest.mark.parametrize(
    ("observed", "mirror", "is_slip"),
    [(40_000.0, 1200.0, True), (40_000.0, 2100.0, False), (30_000.0, 1200.0, False), (40_000.0, None, False)],
    ids=["the exporter's is as usual", "the exporter's is above it too", "not so far off", "the exporter says nothing"],
)
def test_an_excess_that_the_exporter_contradicts_is_a_slip_on_its_route_and_of_its_importer(
    observed: float, mirror: float | None, is_slip: bool
) -> None:
    """Up to two tonnes were to be expected."""
    figures = {"observed_kg": observed, "excess_kg": observed - 1000.0}
    whole = candidate(subject="importer", exporter_code=0, mirror_net_weight_kg=None, **figures)
    ranked = rank_leads(candidates(candidate(mirror_net_weight_kg=mirror, **figures), whole), NO_WATCH, Names({}, {}), RankOptions())

    assert ranked["lead_id"].n_unique() == 1
    assert {"a slip in the importer's" in reason for reason in ranked["signal_reason"]} == {is_slip}
    assert (ranked["anomaly_score"].max() < 40) == is_slip
