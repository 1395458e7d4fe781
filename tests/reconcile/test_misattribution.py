"""Who books trade under another partner is learnt from reports without a mirror; where nobody does, nothing is explained away."""

from dataclasses import replace

import numpy as np
import pytest

from tests.reconcile.arrays import world
from tests.reconcile.test_calibration import fitted, flagged
from tradeflow.reconcile.booking import EXPORTS, IMPORTS
from tradeflow.reconcile.score import Scores, score_sides
from tradeflow.reconcile.sides import Floats, Ints, Sides

HUB = 3
BOOKED = 0.15
"""Share of trade with others that is booked under the hub."""


def sparse_world() -> tuple[Sides, Floats, Floats]:
    """Return pairs of a third of all routes, and what exporters and importers report of them: each leaves a tenth out."""
    whole = world(lambda random, n: random.normal(size=n), countries=24, codes=160)
    random = np.random.default_rng(11)
    sides = whole.take(np.flatnonzero(random.random(whole.size) < 0.33))
    export_usd, import_usd = (np.where(random.random(sides.size) < 0.1, np.nan, usd) for usd in (sides.export_usd, sides.import_usd))
    return sides, export_usd, import_usd


def as_reported(sides: Sides, export_usd: Floats, import_usd: Floats) -> Sides:
    told = replace(sides, export_usd=export_usd, import_usd=import_usd, export_kg=export_usd / 2, import_kg=import_usd / 2)
    return told.take(np.flatnonzero(np.isfinite(export_usd) | np.isfinite(import_usd)))


def book_under_hub(sides: Sides, usd: Floats, reporter: Ints, partner: Ints) -> Floats:
    """Book some of the trade with others under the hub, added to what is reported of the hub itself, where that pair exists."""
    random = np.random.default_rng(12)
    hub_pair = {(r, k): row for row, (r, p, k) in enumerate(zip(reporter, partner, sides.commodity, strict=True)) if p == HUB}
    told = usd.copy()
    for row in np.flatnonzero((partner != HUB) & (reporter != HUB) & np.isfinite(usd) & (random.random(len(usd)) < BOOKED)):
        host = hub_pair.get((reporter[row], sides.commodity[row]))
        if host is not None:
            told[host] = np.nansum([told[host], usd[row]])
            told[row] = np.nan
    return told


def reconciled(kind: int) -> tuple[Sides, Scores]:
    sides, export_usd, import_usd = sparse_world()
    if kind == EXPORTS:
        export_usd = book_under_hub(sides, export_usd, sides.exporter, sides.importer)
    elif kind == IMPORTS:
        import_usd = book_under_hub(sides, import_usd, sides.importer, sides.exporter)
    given = as_reported(sides, export_usd, import_usd)
    return given, score_sides(given, fitted(given))


@pytest.mark.parametrize("kind", [EXPORTS, IMPORTS])
def test_the_hub_is_learnt_and_its_gaps_are_explained(kind: int) -> None:
    given, scores = reconciled(kind)
    is_hub = (given.importer if kind == EXPORTS else given.exporter) == HUB
    both = np.isfinite(scores.z_value)
    explained = scores.match.kind == kind
    assert explained[is_hub & both].mean() > 0.1
    assert (scores.match.kind[~is_hub & both] > 0).mean() < 0.002
    assert flagged(scores.z_value[is_hub], 3.0902, -1) < 0.01
    assert flagged(scores.z_value[~is_hub], 2.3263, -1) == pytest.approx(0.01, rel=0.5)


@pytest.mark.parametrize("kind", [EXPORTS, IMPORTS])
def test_only_the_hub_is_taken_for_one(kind: int) -> None:
    sides, export_usd, import_usd = sparse_world()
    if kind == EXPORTS:
        export_usd = book_under_hub(sides, export_usd, sides.exporter, sides.importer)
    else:
        import_usd = book_under_hub(sides, import_usd, sides.importer, sides.exporter)
    own, other = fitted(as_reported(sides, export_usd, import_usd)).routings[:: 1 if kind == EXPORTS else -1]
    assert np.flatnonzero(own.is_hub).tolist() == [HUB]
    assert not other.is_hub.any()


def test_an_estimate_leaves_out_what_belongs_to_another_partner() -> None:
    """Where the exporter's figure holds others' trade too, the balanced value is nearer to the importer's."""
    given, scores = reconciled(EXPORTS)
    rows = np.flatnonzero((scores.match.kind == EXPORTS) & (scores.match.probability > 0.9))
    off = np.abs(np.log(scores.balanced_value.estimate[rows] / given.import_usd[rows]))
    assert np.median(off) < 0.25 * np.median(np.abs(np.log(given.export_usd[rows] / given.import_usd[rows])))


def test_where_nobody_books_elsewhere_nothing_is_explained_away() -> None:
    sides, export_usd, import_usd = sparse_world()
    is_cut = np.random.default_rng(13).random(sides.size) < 0.01
    given = as_reported(sides, export_usd, np.where(is_cut, import_usd / 4, import_usd))
    model = fitted(given)
    assert not any(routing.is_hub.any() for routing in model.routings)
    kind = score_sides(given, model).match.kind
    assert (kind > 0).mean() < 0.001
