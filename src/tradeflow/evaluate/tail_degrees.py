"""`python -m tradeflow.evaluate.tail_degrees`: which degrees of freedom the chances of ordinary simulated months agree with."""

from __future__ import annotations

import numpy as np
import polars as pl
from scipy import stats

from tradeflow.evaluate.series_truth import make_series
from tradeflow.evaluate.series_worlds import LENGTHS, POOLED_KINDS
from tradeflow.model.own_series import MIN_HISTORY
from tradeflow.model.scoring import Series, score_months

SERIES, SEED = 10_000, 8_001
DEGREES = (5.0, 6.0, 7.0, 8.0, 10.0, 15.0)
LEVELS = (0.05, 0.01, 0.001)


def measure_tails(series: int, seed: int) -> pl.DataFrame:
    """Return, by degrees, the share of last months with a chance of at most each level, over the level: mean, least, most of all cells.

    A cell is a kind and a length, with `series` series each; a month without trade is left out.
    """
    cells = [_deviations(make_series(kind, series, months, seed)) for kind in POOLED_KINDS for months in LENGTHS]
    rows = []
    for degrees in DEGREES:
        for level in LEVELS:
            reach = stats.t.isf(level, degrees) / np.sqrt(degrees / (degrees - 2))
            ratios = [float(np.mean(cell >= reach)) / level for cell in cells]
            rows.append({"degrees": degrees, "level": level, "mean": np.mean(ratios), "least": min(ratios), "most": max(ratios)})
    return pl.DataFrame(rows)


def _deviations(amounts: np.ndarray) -> np.ndarray:
    series = Series(amounts, amounts > 0, np.isfinite(amounts), 12)
    deviation = score_months(series, np.arange(len(amounts)), np.full(len(amounts), amounts.shape[1] - 1), MIN_HISTORY).deviation
    return np.asarray(deviation[np.isfinite(deviation)])


if __name__ == "__main__":
    with pl.Config(tbl_rows=-1, tbl_hide_dataframe_shape=True, float_precision=3):
        print(measure_tails(SERIES, SEED))
