import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.reconcile.arrays import world
from tradeflow.reconcile import gap_sample
from tradeflow.reconcile.gap_sample import choose_commodities, corridor_rates, sample_corridors


@given(st.lists(st.integers(0, 5000), min_size=1, max_size=60))
def test_the_sample_is_bounded_and_small_corridors_are_whole(counts: list[int]) -> None:
    given_counts = np.array(counts)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gap_sample, "PAIRS_SAMPLED", 3000)
        rates = corridor_rates(given_counts)
    assert (rates * given_counts).sum() <= max(3000, 30 * len(counts)) + 1e-6
    assert (rates[given_counts <= 30] == 1).all()


def test_parts_sampled_one_by_one_are_the_sample_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gap_sample, "PAIRS_SAMPLED", 8000)
    sides = world(lambda random, n: random.normal(size=n), countries=10, codes=200)
    keys, counts = np.unique(sides.exporter * 10 + sides.importer, return_counts=True)
    rates = corridor_rates(counts)
    whole = sample_corridors(sides, keys, 10, rates)
    shuffled = np.random.default_rng(1).permutation(sides.size)
    parts = np.concatenate([sample_corridors(sides.take(part), keys, 10, rates) for part in np.array_split(shuffled, 7)])
    assert (parts == whole[shuffled]).all()
    assert whole.sum() == pytest.approx(8000, rel=0.05)


def test_commodities_are_kept_whole_up_to_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gap_sample, "MARKET_PAIRS_SAMPLED", 1000)
    pairs = np.random.default_rng(2).integers(1, 100, 300)
    chosen = choose_commodities(pairs)
    assert 1000 <= pairs[chosen].sum() < 1100
    assert choose_commodities(np.array([5])).tolist() == [True]
