"""By how much our series model is ahead of each peer, on the series that the peer was judged on, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tradeflow.evaluate.judging import average_precision
from tradeflow.evaluate.series_detectors import Judgement
from tradeflow.evaluate.series_study import OURS, score_pairs
from tradeflow.evaluate.series_worlds import Cell

Array = NDArray[np.float64]

ANOMALIES = ("spike x2", "spike x3", "shift x2", "one-off x3")
REDRAWS = 200
INTERVAL = (0.05, 0.95)


@dataclass(frozen=True)
class Lead:
    """Average precision of ours and of a peer for one anomaly; the lead is ours over the peer's, less one, with its 90% interval."""

    anomaly: str
    peer: str
    series: int
    ours: float
    theirs: float
    lead: float
    lead_low: float
    lead_high: float


def leads_over_peers(judged: dict[str, tuple[list[Cell], Judgement]], kinds: tuple[str, ...], seed: int) -> list[Lead]:
    """Return a row per peer and anomaly, over the cells of some kinds; series are drawn anew together with their planted twins."""
    whole = judged[OURS][1]
    found = []
    for anomaly in ANOMALIES:
        for peer, (cells, judgement) in judged.items():
            if not peer.startswith(OURS) and anomaly in judgement.planted:
                chosen = [number for number, cell in enumerate(cells) if cell.kind in kinds]
                ours = [_first_of_each(pair, cells, chosen) for pair in _pairs(whole, anomaly, chosen)]
                theirs = [(np.concatenate(clean), np.concatenate(planted)) for clean, planted in _pairs(judgement, anomaly, chosen)]
                found.append(_lead(anomaly, peer, _best(ours), _best(theirs), seed))
    return found


def _pairs(judgement: Judgement, anomaly: str, chosen: list[int]) -> list[tuple[list[Array], list[Array]]]:
    clean, planted = [judgement.clean[number] for number in chosen], [judgement.planted[anomaly][number] for number in chosen]
    return score_pairs(anomaly, clean, planted)


def _first_of_each(pair: tuple[list[Array], list[Array]], cells: list[Cell], chosen: list[int]) -> tuple[Array, Array]:
    sizes = [len(cells[number].amounts) for number in chosen]
    clean, planted = ([scores[:size] for scores, size in zip(side, sizes, strict=True)] for side in pair)
    return np.concatenate(clean), np.concatenate(planted)


def _best(pairs: list[tuple[Array, Array]]) -> tuple[Array, Array]:
    return max(pairs, key=lambda pair: average_precision(*pair))


def _lead(anomaly: str, peer: str, ours: tuple[Array, Array], theirs: tuple[Array, Array], seed: int) -> Lead:
    """Efron and Tibshirani (1993, section 13.3): percentiles of the lead over series drawn with replacement, the same for both."""
    random = np.random.default_rng(seed)
    draws = random.integers(0, len(ours[0]), (REDRAWS, len(ours[0])))
    leads = [_precision(ours, rows) / _precision(theirs, rows) - 1 for rows in draws]
    low, high = np.quantile(leads, INTERVAL)
    of_ours, of_theirs = average_precision(*ours), average_precision(*theirs)
    return Lead(anomaly, peer, len(ours[0]), of_ours, of_theirs, of_ours / of_theirs - 1, float(low), float(high))


def _precision(pair: tuple[Array, Array], rows: NDArray[np.intp]) -> float:
    return average_precision(pair[0][rows], pair[1][rows])
