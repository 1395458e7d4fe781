"""Distances: known ones between cities, the same both ways, none where an area has no place."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.reconcile.trade_rows import CHINA, GERMANY, MEXICO, USA
from tradeflow.contract import load_codelist
from tradeflow.reconcile.distance import measure_distances

AREAS = load_codelist("area")
AUSTRIA, NOWHERE = 40, 899


def between(exporter: int, importer: int, areas: pl.DataFrame = AREAS) -> float | None:
    corridor = pl.DataFrame(
        {"exporter_code": [exporter], "importer_code": [importer]}, schema=dict.fromkeys(["exporter_code", "importer_code"], pl.Int32)
    )
    distance: float | None = measure_distances(corridor, areas)["distance_km"].item()
    return distance


@pytest.mark.parametrize(("one", "other", "km"), [(GERMANY, AUSTRIA, 598), (CHINA, MEXICO, 12_910), (GERMANY, GERMANY, 0)])
def test_economic_centres_are_as_far_apart_as_an_atlas_says(one: int, other: int, km: float) -> None:
    assert between(one, other) == pytest.approx(km, rel=0.02, abs=1)


def test_a_pool_of_areas_lies_nowhere() -> None:
    assert between(USA, NOWHERE) is None


_latitude, _longitude = st.floats(-90, 90), st.floats(-180, 180)


@given(_latitude, _longitude, _latitude, _longitude)
def test_there_and_back_is_as_far_and_never_more_than_half_round_the_earth(one: float, two: float, three: float, four: float) -> None:
    areas = pl.DataFrame(
        {"area_code": [1, 2], "latitude": [one, three], "longitude": [two, four]}, schema_overrides={"area_code": pl.Int32}
    )
    there, back = between(1, 2, areas), between(2, 1, areas)

    assert there == pytest.approx(back, abs=1e-6)
    assert there is not None
    assert 0 <= there <= 20_016
