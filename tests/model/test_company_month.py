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


@settings(deadline=None)
@given(purchases)
def test_a_later_month_changes_no_earlier_row(drawn: list[tuple[int, str, float]]) -> None:
    items = list_items([bought(202201 + month // 12 * 100 + month % 12, kg, importer) for month, importer, kg in drawn])
    months = model(items)
    cut = int(months["period"].max())  # type: ignore[arg-type]

    earlier = model(items.filter(pl.col("period") < cut))
    assert earlier.equals(months.filter(pl.col("period") < cut))


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 40), st.sampled_from(["M1", "M2"]), st.integers(1, 9)), min_size=1, max_size=40))
def test_years_are_the_obvious_sums(drawn: list[tuple[int, str, int]]) -> None:
    items = list_items([bought(202101 + month // 12 * 100 + month % 12, float(kg), importer) for month, importer, kg in drawn])
    for row in model(items).rows(named=True):
        month = (row["period"] // 100 - 2021) * 12 + row["period"] % 100 - 1
        own = [(at, kg) for at, importer, kg in drawn if importer == row["entity_id"]]
        assert row["twelve_month_kg"] == sum(kg for at, kg in own if month - 12 < at <= month)
        assert row["past_twelve_month_kg"] == sum(kg for at, kg in own if month - 24 < at <= month - 12)
        is_old = month - min(at for at, _ in own) >= 23
        assert (row["z_year"] is not None) == (is_old and row["past_twelve_month_kg"] > 0)


def test_the_usual_lot_bought_more_often_shows_in_the_year_and_not_in_the_month() -> None:
    peers = simulate(3, "even", companies=100).with_columns(row_number=pl.col("row_number") + 1_000)
    months = [at for at in range(48) if at % 6 == 0 or at >= 36]
    more = list_items([bought(202001 + at // 12 * 100 + at % 12, 1_000.0 + 40 * (at % 5), "MORE") for at in months])
    last = model(pl.concat([peers, more])).filter(entity_id="MORE", period=202312).row(0, named=True)

    assert last["z_year"] > 2
    assert last["z_company"] < 1.5


def test_a_consignees_months_are_what_others_imported_for_it() -> None:
    items = list_items([bought(202401, 10, consignee_entity_id="C1"), bought(202401, 7, consignee_entity_id="M1")])
    told = sum_company_months(items).filter(party_role="consignee")

    assert told.select("entity_id", "net_weight_kg", "partner_count").rows() == [("C1", 10.0, 2)]


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(["even", "lumpy", "mixed"]))
def test_the_false_alarms_on_ordinary_companies_are_near_nominal(seed: int, kind: str) -> None:
    months = model(simulate(seed, kind))
    z, z_year = (months[name].drop_nulls().to_numpy() for name in ("z_company", "z_year"))

    assert len(z) > 1_000
    assert 0.03 < (z > 1.645).mean() < 0.075
    assert 0.003 < (z > 2.326).mean() < 0.02
    # Years overlap, so these come in runs and wander further.
    assert (z_year > 1.645).mean() < 0.09
    assert (z_year > 2.326).mean() < 0.025


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
