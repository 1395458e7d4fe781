"""Areas not specified: located as far as the partners' reports go, kept as it stood otherwise, and never a kilogram more or less."""

from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradeflow.contract import load_codelist, load_contract
from tradeflow.reconcile.residual import derive_unlocated_trade
from tradeflow.reconcile.unspecified import derive_unlocated_pools, reallocate_unspecified

MEXICO, CHINA, INDIA, USA = 484, 156, 699, 842
NOWHERE, BUNKERS, OTHER_AFRICA = 899, 837, 577
AREAS = load_codelist("area")
MOVED = ["export_nes_value_usd", "import_nes_value_usd", "export_nes_kg", "import_nes_kg"]
SCHEMA = {
    "freq_code": pl.String, "period": pl.Int32, "exporter_code": pl.Int32, "importer_code": pl.Int32, "commodity_code": pl.String,
    "export_value_usd": pl.Float64, "import_value_usd": pl.Float64, "import_fob_value_usd": pl.Float64,
    "export_net_weight_kg": pl.Float64, "import_net_weight_kg": pl.Float64,
    "is_export_weight_out_of_scale": pl.Boolean, "is_import_weight_out_of_scale": pl.Boolean,
}  # fmt: skip


def pair(exporter: int, importer: int, out: float | None, into: float | None, **other: Any) -> dict[str, Any]:
    """One pair; weights as the values unless `other` says so."""
    return {
        "freq_code": "M", "period": 202401, "exporter_code": exporter, "importer_code": importer, "commodity_code": "291411",
        "export_value_usd": out, "import_value_usd": into, "import_fob_value_usd": into, "export_net_weight_kg": out,
        "import_net_weight_kg": into, "is_export_weight_out_of_scale": False, "is_import_weight_out_of_scale": False,
    } | other  # fmt: skip


def reallocate(*pairs: dict[str, Any]) -> pl.DataFrame:
    return reallocate_unspecified(pl.DataFrame(list(pairs), schema=SCHEMA), AREAS)


def test_what_is_missing_is_filled_in_proportion_and_the_pool_gives_it() -> None:
    found = reallocate(pair(CHINA, NOWHERE, 60, None), pair(CHINA, MEXICO, 100, 180), pair(CHINA, INDIA, None, 40), pair(CHINA, USA, 9, 5))

    assert found["export_nes_kg"].to_list() == [-60, 40, 20, None]
    assert found["export_nes_value_usd"].to_list() == [-60, 40, 20, None]
    assert found["nes_label"].to_list() == ["exporter_unspecified"] * 3 + [None]
    assert found["import_nes_kg"].null_count() == 4


def test_no_more_is_given_than_is_missing() -> None:
    found = reallocate(pair(CHINA, NOWHERE, 60, None), pair(CHINA, MEXICO, 100, 110))

    assert found["export_nes_kg"].to_list() == [-10, 10]


def test_an_importers_pool_goes_to_the_exporters_who_report_more() -> None:
    found = reallocate(pair(NOWHERE, MEXICO, None, 30), pair(CHINA, MEXICO, 100, 90), pair(INDIA, MEXICO, 50, 60))

    assert found["import_nes_kg"].to_list() == [-10, 10, None]
    assert found["nes_label"].to_list() == ["importer_unspecified", "importer_unspecified", None]


def test_a_pool_that_names_a_region_or_a_use_and_other_cells_stay_as_they_are() -> None:
    found = reallocate(
        pair(CHINA, BUNKERS, 60, None), pair(CHINA, OTHER_AFRICA, 60, None), pair(CHINA, MEXICO, 100, 180),
        pair(INDIA, NOWHERE, 60, None, period=202402), pair(INDIA, MEXICO, 100, 180),
        pair(USA, NOWHERE, 60, None, commodity_code="291412"), pair(USA, MEXICO, 100, 180), pair(USA, NOWHERE, 0, None),
    )  # fmt: skip

    assert found.select(MOVED).null_count().row(0) == (found.height,) * 4


def test_a_weight_that_nobody_states_is_not_taken_as_missing() -> None:
    unstated = pair(CHINA, MEXICO, 100, 180, export_net_weight_kg=None)
    out_of_scale = pair(CHINA, INDIA, 1, 180, import_value_usd=1, import_fob_value_usd=1, is_import_weight_out_of_scale=True)
    found = reallocate(pair(CHINA, NOWHERE, 60, None), unstated, out_of_scale)

    assert found["export_nes_kg"].to_list() == [None, None, None]
    assert found["export_nes_value_usd"].to_list() == [-60, 60, None]


_amounts = st.one_of(st.none(), st.integers(0, 10**6).map(float))
_pairs = st.builds(
    pair,
    st.sampled_from([CHINA, INDIA, USA, NOWHERE, BUNKERS]), st.sampled_from([MEXICO, INDIA, USA, NOWHERE, 839, OTHER_AFRICA]),
    _amounts, _amounts, period=st.sampled_from([202401, 202402]), export_net_weight_kg=_amounts, import_net_weight_kg=_amounts,
    is_export_weight_out_of_scale=st.booleans(),
)  # fmt: skip


def stated(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Pairs that a side reports at all; a silent side has no weight either."""
    return [
        row | {f"{side}_net_weight_kg": None for side in ("export", "import") if row[f"{side}_value_usd"] is None}
        for row in rows
        if row["export_value_usd"] is not None or row["import_value_usd"] is not None
    ]


def _key(row: dict[str, Any]) -> tuple[Any, ...]:
    return row["period"], row["exporter_code"], row["importer_code"]


@settings(max_examples=100, deadline=None)
@given(st.lists(_pairs, max_size=14, unique_by=_key))
def test_totals_are_conserved_and_no_gap_grows_or_turns(rows: list[dict[str, Any]]) -> None:
    given_rows = stated(rows)
    found = reallocate(*given_rows)

    assert found.select(list(SCHEMA)).equals(pl.DataFrame(given_rows, schema=SCHEMA))
    for side, other, reporter in (("export", "import", "exporter_code"), ("import", "export", "importer_code")):
        for measure, column in (("value_usd", "fob_value_usd"), ("kg", "net_weight_kg")):
            moved = found[f"{side}_nes_{measure}"].fill_null(0)
            sums = found.select("period", reporter, moved.alias("_moved")).group_by("period", reporter).agg(pl.col("_moved").sum())
            assert sums["_moved"].abs().max() in (None, pytest.approx(0, abs=1e-6))
            own, others = (found[f"{name}_{column}".replace("export_fob", "export")] for name in (side, other))
            assert (own.fill_null(0) + moved <= others * (1 + 1e-12)).filter(moved > 0).all()
            assert (own + moved >= -1e-9 * own).filter(moved < 0).all()


@settings(max_examples=60, deadline=None)
@given(st.lists(_pairs, max_size=14, unique_by=_key))
def test_what_a_pool_states_is_located_or_stays_and_both_are_told(rows: list[dict[str, Any]]) -> None:
    found = reallocate(*stated(rows))
    rest = derive_unlocated_pools(found, AREAS)

    for measure in ("value_usd", "net_weight_kg"):
        whole, located, unlocated = (rest[f"{name}_{measure}"] for name in ("whole", "located", "unlocated"))
        assert (whole - located - unlocated).abs().max() in (None, pytest.approx(0, abs=1e-6))
        assert unlocated.min() is None or unlocated.min() >= 0  # type: ignore[operator]
    is_open = rest["unlocated_value_usd"] > 0
    assert (rest["unlocated_label"] == "wholly_located").filter(is_open).sum() == 0


def test_the_pools_of_both_sides_have_a_row_each_in_the_contract() -> None:
    pairs = reallocate(
        pair(CHINA, NOWHERE, 60, None), pair(CHINA, MEXICO, 100, 110), pair(USA, BUNKERS, 7, None, export_net_weight_kg=None),
        pair(NOWHERE, INDIA, None, 5), pair(USA, INDIA, 6, None),
    )  # fmt: skip
    found = derive_unlocated_trade(load_contract("trade_flow").empty_frame().lazy(), pairs, AREAS)

    assert found.schema == load_contract("unlocated_trade").schema
    told = ["reporter_code", "flow_code", "partner_code", "located_net_weight_kg", "unlocated_net_weight_kg", "unlocated_label"]
    assert found.select(told).rows() == [
        (CHINA, "X", NOWHERE, 10.0, 50.0, "partly_located"),
        (INDIA, "M", NOWHERE, 5.0, 0.0, "wholly_located"),
        (USA, "X", BUNKERS, None, None, "no_missing_mirror"),
    ]


def test_a_pool_of_which_the_reporter_states_no_value_is_no_unlocated_trade() -> None:
    """An import of value 0 has no FOB value: nothing of it could be located."""
    nothing = pair(NOWHERE, MEXICO, None, 0.0) | {"import_fob_value_usd": None}
    assert derive_unlocated_pools(reallocate(nothing, pair(CHINA, MEXICO, 10.0, 10.0)), AREAS).is_empty()
