"""What holds of reconciliation whatever is given: the order of the rows and the number of iterations change nothing."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.reconcile.trade_rows import reconcile, two_sided_world
from tradeflow.reconcile import reliability
from tradeflow.reconcile.corridor import summarise_corridors
from tradeflow.reconcile.reliability import split_variances

FLOOR = 0.03


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(2, 10_000), order=st.integers(0, 10_000), silent=st.floats(0, 0.6))
def test_the_order_of_the_rows_changes_no_digit(seed: int, order: int, silent: float) -> None:
    rows = two_sided_world(seed, countries=5, codes=12, silent_share=silent)
    shuffled = rows.sample(fraction=1.0, shuffle=True, seed=order)
    for told, again in zip(reconcile(rows), reconcile(shuffled), strict=True):
        assert again.equals(told)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000), countries=st.integers(3, 9), more=st.integers(1, 301))
def test_neither_the_number_of_rounds_nor_its_parity_changes_the_variances(seed: int, countries: int, more: int) -> None:
    random = np.random.default_rng(seed)
    exporter, importer = random.integers(0, countries, (2, countries * countries * 15))
    care = np.exp(random.normal(-1.5, 0.8, (2, countries)))
    corridors = summarise_corridors(exporter, importer, random.normal(0, np.hypot(care[0][exporter], care[1][importer])))
    settled = split_variances(corridors, countries, countries, FLOOR)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reliability, "_SETTLED", 0.0)
        patch.setattr(reliability, "_ROUNDS", reliability._ROUNDS + more)
        longer = split_variances(corridors, countries, countries, FLOOR)
    for first, second in ((settled.exporter, longer.exporter), (settled.importer, longer.importer)):
        assert second == pytest.approx(first, rel=1e-3)
