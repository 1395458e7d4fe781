"""What is proposed for inspection: a fair lot, and the highest of the rest."""

import numpy as np
import polars as pl
import pytest

from tradeflow.model.inspection import draw_lots, inspection_ground

IDS = pl.Series([f"id {number}" for number in range(4_000)])
PROBABILITY = np.random.default_rng(1).random(4_000)


def grounds(ids: pl.Series = IDS, probability: np.ndarray = PROBABILITY, **shares: float) -> pl.Series:
    return inspection_ground(ids, probability, **({"inspected_share": 0.1, "audit_share": 0.1} | shares), seed=1)


def test_lots_are_even_and_the_same_on_any_machine() -> None:
    lots = draw_lots(IDS, 1)
    assert lots.mean() == pytest.approx(0.5, abs=0.02)
    assert np.histogram(lots, 4, (0, 1))[0].min() > 900
    assert draw_lots(pl.Series(["97061800"]), 1)[0] == pytest.approx(0.3297, abs=1e-4)


def test_the_lot_does_not_look_at_the_model_or_at_the_others() -> None:
    ours = grounds().eq_missing("random")
    assert ours.equals(grounds(probability=-PROBABILITY).eq_missing("random"))
    assert ours[:2_000].equals(grounds(IDS[:2_000], PROBABILITY[:2_000]).eq_missing("random"))
    assert 20 <= ours.sum() <= 60


def test_the_others_are_the_highest_ranked_of_the_rest() -> None:
    ours = grounds()
    ranked, neither = (ours == "ranked").fill_null(False).to_numpy(), ours.is_null().to_numpy()
    assert ranked.sum() + (ours == "random").sum() == 400
    assert PROBABILITY[ranked].min() > PROBABILITY[neither].max()


def test_everything_can_be_inspected() -> None:
    assert grounds(inspected_share=1.0, audit_share=0.5).null_count() == 0
