"""A company's month beside its own past and its peers: counted once, from earlier months alone, and calibrated on ordinary companies."""

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradeflow.contract import load_codelist, load_contract
from tradeflow.model.company_month import model_company_months, sum_company_months

SUBSTANCES = load_codelist("substance")
LEVELS = {"acetone": 8.0, "toluene": 7.0, "methyl_ethyl_ketone": 6.0}


def list_items(rows: list[dict[str, Any]]) -> pl.DataFrame:
    item = {"source": "files", "snapshot_id": "0" * 16, "reporter_code": 484, "flow_code": "M", "substance_code": "acetone"}
    told = [item | {"row_number": at, "declaration_id": f"D{at}"} | row for at, row in enumerate(rows)]
    return pl.DataFrame(told, schema=load_contract("company_item").schema)


def count_all(items: pl.DataFrame, chapter: str = "29") -> pl.DataFrame:
    counted = items.group_by("period", "reporter_code", entity_id="importer_entity_id").agg(item_count=pl.len().cast(pl.Int64))
    return counted.with_columns(party_role=pl.lit("importer"), commodity_chapter=pl.lit(chapter))


def model(items: pl.DataFrame) -> pl.DataFrame:
    months = model_company_months(items, count_all(items), SUBSTANCES)
    assert months.schema == load_contract("company_month").schema
    return months.filter(pl.col("party_role") == "importer")


def bought(period: int, kg: float | None, importer: str = "M1", **more: object) -> dict[str, Any]:
    return {"importer_entity_id": importer, "exporter_entity_id": "X1", "period": period, "net_weight_kg": kg} | more


def test_trade_that_both_countries_declare_counts_once_in_a_month() -> None:
    abroad = {"flow_code": "X", "reporter_code": 276}
    items = list_items([bought(202401, 10), bought(202401, 11, **abroad), bought(202402, 5, **abroad)])
    told = {(row["party_role"], row["period"]): row["net_weight_kg"] for row in sum_company_months(items).rows(named=True)}

    assert told == {("importer", 202401): 10, ("exporter", 202401): 11, ("importer", 202402): 5, ("exporter", 202402): 5}


def test_history_is_told_and_a_month_without_weight_has_no_score() -> None:
    items = list_items([bought(202311, 10), bought(202402, 12), bought(202402, 3, exporter_entity_id="X2"), bought(202403, None)])
    months = model(items)

    told = months.select("period", "net_weight_kg", "partner_count", "months_since_last_trade", "is_first_trade", "history_month_count")
    assert told.rows() == [(202311, 10, 1, None, True, 0), (202402, 15, 2, 3, False, 1), (202403, None, 1, 1, False, 2)]
    assert months["trade_probability"].to_list() == [None, pytest.approx(1 / 4), pytest.approx(2 / 5)]
    assert months["z_company"][2] is None
    assert months["expected_kg"][0] is None
    assert months["lower_kg"][2] < months["expected_kg"][2] < months["upper_kg"][2]


def test_an_own_steady_past_outweighs_small_peers() -> None:
    peers = [bought(202301 + at % 12, 100.0 * (1 + at % 3), f"P{at}") for at in range(30)]
    steady = [bought(202301 + at, 20_000.0 + 500 * (at % 3), "BIG") for at in range(12)]
    months = model(list_items([*peers, *steady, bought(202401, 21_000, "BIG"), bought(202401, 21_000, "NEW")]))
    last = {row["entity_id"]: row for row in months.filter(pl.col("period") == 202401).rows(named=True)}

    assert last["BIG"]["expected_kg"] == pytest.approx(20_000, rel=0.1)
    assert last["BIG"]["z_company"] < 1
    assert last["NEW"]["expected_kg"] < 1_000
    assert last["NEW"]["z_company"] > 2


purchases = st.lists(st.tuples(st.integers(0, 20), st.sampled_from(["M1", "M2", "M3", "M4"]), st.floats(1, 1e5)), min_size=1, max_size=40)


@given(purchases)
def test_a_later_month_changes_no_earlier_row(drawn: list[tuple[int, str, float]]) -> None:
    items = list_items([bought(202201 + month // 12 * 100 + month % 12, kg, importer) for month, importer, kg in drawn])
    months = model(items)
    cut = int(months["period"].max())  # type: ignore[arg-type]

    earlier = model(items.filter(pl.col("period") < cut))
    assert earlier.equals(months.filter(pl.col("period") < cut))


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(["even", "lumpy", "mixed"]))
def test_the_false_alarms_on_ordinary_companies_are_near_nominal(seed: int, kind: str) -> None:
    z = model(simulate(seed, kind))["z_company"].drop_nulls().to_numpy()

    assert len(z) > 1_000
    assert 0.03 < (z > 1.645).mean() < 0.075
    assert 0.003 < (z > 2.326).mean() < 0.02


def simulate(seed: int, kind: str, companies: int = 200, months: int = 48) -> pl.DataFrame:
    """Companies that buy now and then: even ones of one spread, lumpy ones in rare big lots, mixed ones with a large order now and then."""
    rng = np.random.default_rng(seed)
    substance = rng.choice(list(LEVELS), companies)
    level = np.array([LEVELS[each] for each in substance]) + rng.normal(0, 1.2, companies)
    rate = np.exp(rng.normal(-2.0 if kind == "lumpy" else -0.7, 0.8, companies)).clip(0.05, 4)
    spread = np.full(companies, 0.5) if kind == "even" else np.exp(rng.normal(-0.8, 0.5, companies))
    orders = rng.poisson(rate[:, None], (companies, months))
    company = np.repeat(np.arange(companies), orders.sum(axis=1))
    month = np.concatenate([np.repeat(np.arange(months), row) for row in orders])
    log_kg = level[company] + spread[company] * rng.normal(size=len(company))
    if kind == "mixed":
        log_kg += np.where(rng.random(len(company)) < 0.05, 1.2, 0)
    return list_items(
        [
            bought(202001 + at // 12 * 100 + at % 12, kg, f"M{who}", substance_code=str(substance[who]))
            for who, at, kg in zip(company.tolist(), month.tolist(), np.exp(log_kg).tolist(), strict=True)
        ]
    )
