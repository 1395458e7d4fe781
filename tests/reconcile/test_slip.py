import numpy as np
import pytest

from tests.reconcile.arrays import sides_of
from tradeflow.reconcile.sides import Sides
from tradeflow.reconcile.slip import CORRECTED, DROPPED, NONE, mend_weights, usual_unit_values


def one_code(export_factor: float, import_factor: float) -> Sides:
    """Fifty ordinary pairs of one commodity at 2 USD per kg; the last one's weights are multiplied."""
    usd, numbers = np.full(50, 1000.0), np.arange(50)
    sides = sides_of(usd, usd, numbers, numbers + 1, np.zeros(50, np.intp))
    sides.export_kg[-1] *= export_factor
    sides.import_kg[-1] *= import_factor
    return sides


@pytest.mark.parametrize(
    ("export_factor", "import_factor", "labels", "weights"),
    [
        (1, 1, (NONE, NONE), (500, 500)),
        (1000, 1, (CORRECTED, NONE), (500, 500)),
        (0.001, 1, (CORRECTED, NONE), (500, 500)),
        (1, 1000, (NONE, CORRECTED), (500, 500)),
        (1, 1e6, (NONE, DROPPED), (500, np.nan)),
        (3, 1, (NONE, NONE), (1500, 500)),
        (20, 20, (NONE, NONE), (10_000, 10_000)),
    ],
    ids=["ordinary", "grams", "tonnes", "importer's grams", "a million", "a price", "dear on both sides"],
)
def test_a_slip_of_a_thousand_is_corrected_and_a_price_is_left(
    export_factor: float, import_factor: float, labels: tuple[int, int], weights: tuple[float, float]
) -> None:
    sides = one_code(export_factor, import_factor)
    mended = mend_weights(sides, usual_unit_values(sides, 1))
    assert (mended.export_label[-1], mended.import_label[-1]) == labels
    assert (mended.export_kg[-1], mended.import_kg[-1]) == pytest.approx(weights, nan_ok=True)
    assert (mended.export_label[:-1] == NONE).all()
