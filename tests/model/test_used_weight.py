"""Weights that importers did not report: derived from the value, else from the other side, and labelled."""

from typing import Any

import polars as pl
import pytest

from tests.signals.tables import CHINA, INDIA, MEXICO, months, pair, table
from tradeflow.model import use_import_weights
from tradeflow.model.used_weight import weight_bases

PAST = months(12)[:-1]
NOW = months(1)[0]


def used(*pairs: dict[str, Any], exporter: int = CHINA, period: int = NOW) -> dict[str, Any]:
    imports = use_import_weights(table("mirror_pair", *pairs))
    return imports.filter(exporter_code=exporter, period=period).row(0, named=True)


def silent(**other: Any) -> dict[str, Any]:
    """A month in which the importer states a value and no weight."""
    return pair(700.0, None, import_value_usd=6000.0, mirror_status="both") | other


def test_a_reported_weight_stays() -> None:
    told = used(*(pair(period=month) for month in PAST), pair(700.0, 900.0))
    assert (told["net_weight_kg"], told["weight_basis"]) == (900.0, "as_reported")


@pytest.mark.parametrize(
    "lacking", [{}, {"import_net_weight_kg": 6.0, "is_import_weight_out_of_scale": True}], ids=["none", "out of scale"]
)
def test_a_missing_weight_is_the_value_over_the_routes_usual_unit_value(lacking: dict[str, Any]) -> None:
    route = [pair(period=month, import_value_usd=3000.0) for month in PAST]
    others = [pair(period=month, exporter_code=INDIA, import_value_usd=9000.0) for month in PAST]
    told = used(*route, *others, silent(**lacking))
    assert (told["net_weight_kg"], told["weight_basis"]) == (2000.0, "value_over_unit_value")


def test_a_route_with_few_unit_values_takes_the_importers() -> None:
    others = [pair(period=month, exporter_code=INDIA, import_value_usd=4000.0) for month in PAST]
    told = used(pair(period=PAST[-1], import_value_usd=1000.0), *others, silent())
    assert told["net_weight_kg"] == 1500.0


def test_later_and_old_unit_values_say_nothing() -> None:
    """Two months that are too old, and one that is later, cost another price."""
    old, later = months(40)[:10], months(1, last=202402)
    dear = [pair(period=month, import_value_usd=60_000.0) for month in (*old, *later)]
    told = used(*dear, *(pair(period=month) for month in PAST[-4:]), silent())
    assert told["net_weight_kg"] == 3000.0


def test_without_any_unit_value_the_exporters_weight_is_taken() -> None:
    told = used(silent())
    assert (told["net_weight_kg"], told["weight_basis"]) == (700.0, "other_side")
    none = used(silent(is_export_weight_out_of_scale=True))
    assert (none["net_weight_kg"], none["weight_basis"]) == (None, None)


def test_an_importers_basis_is_the_least_sure_of_its_routes() -> None:
    imports = use_import_weights(table("mirror_pair", silent(), pair(exporter_code=INDIA)))
    bases = {row[:2]: row[2] for row in weight_bases(imports).select("importer_code", "exporter_code", "weight_basis").iter_rows()}
    assert bases == {(MEXICO, CHINA): "value_over_unit_value", (MEXICO, INDIA): "as_reported", (MEXICO, 0): "value_over_unit_value"}
    assert weight_bases(imports.drop("weight_basis"))["weight_basis"].unique().to_list() == ["as_reported"]


def test_only_imports_are_weighed() -> None:
    assert use_import_weights(table("mirror_pair", pair(1000.0, None))).is_empty()
    assert use_import_weights(table("mirror_pair", pair(None, 1000.0)))["net_weight_kg"].to_list() == [1000.0]
    assert isinstance(use_import_weights(table("mirror_pair")), pl.DataFrame)


def test_imports_that_name_no_exporter_have_one_label() -> None:
    imports = pl.DataFrame(
        {"freq_code": "M", "period": 202401, "importer_code": 484, "exporter_code": [0, 0, 156], "commodity_code": "291411"},
        schema_overrides={"period": pl.Int32, "importer_code": pl.Int32, "exporter_code": pl.Int32},
    )
    assert sorted(weight_bases(imports)["exporter_code"].to_list()) == [0, 156]
