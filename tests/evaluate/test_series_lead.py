"""The lead over a peer: on the peer's own series, and as sure as their number allows."""

import numpy as np
import pytest

from tradeflow.evaluate.judging import average_precision
from tradeflow.evaluate.series_detectors import Judgement, Scores
from tradeflow.evaluate.series_lead import Lead, leads_over_peers
from tradeflow.evaluate.series_study import OURS
from tradeflow.evaluate.series_worlds import Cell


def judged_by(random: np.random.Generator, sizes: list[int], shift: float) -> Judgement:
    clean = [random.normal(0, 1, size) for size in sizes]
    return Judgement([Scores(each) for each in clean], {"spike x3": [Scores(each + shift) for each in clean]}, 0.0)


def lead(sizes: list[int], shift: float, kinds: tuple[str, ...] = ("regular", "missing")) -> Lead:
    cells = [Cell(kind, np.ones((400, 36)), {}) for kind in ("regular", "missing")]
    random = np.random.default_rng(3)
    ours, theirs = judged_by(random, [400, 400], 2.0), judged_by(random, sizes, shift)
    some = [cell.first(size) for cell, size in zip(cells, sizes, strict=True)]
    (found,) = leads_over_peers({OURS: (cells, ours), "somebody": (some, theirs)}, kinds, 1)
    first = [(ours.clean[n].last_month[:size], ours.planted["spike x3"][n].last_month[:size]) for n, size in enumerate(sizes)]
    if len(kinds) == 2:
        assert found.ours == average_precision(*(np.concatenate(side) for side in zip(*first, strict=True)))
    return found


def test_a_worse_peer_is_beaten_surely_and_on_few_series_less_surely() -> None:
    many, few = lead([400, 400], 1.0), lead([40, 40], 1.0)
    assert (many.series, few.series) == (800, 80)
    assert many.lead == pytest.approx(many.ours / many.theirs - 1)
    assert 0 < many.lead_low < many.lead < many.lead_high
    assert few.lead_high - few.lead_low > many.lead_high - many.lead_low


def test_an_equal_peer_is_not_beaten() -> None:
    found = lead([400, 400], 2.0)
    assert found.lead_low < 0 < found.lead_high


def test_only_the_named_kinds_count() -> None:
    assert lead([400, 300], 1.0, ("missing",)).series == 300
