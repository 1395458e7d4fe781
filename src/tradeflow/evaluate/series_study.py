"""The tables of the series models: each detector's figures on one set of cells."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tradeflow.evaluate.judging import Rate, average_precision, measure_rate, realised_discoveries, recall_at
from tradeflow.evaluate.kept_scores import KeptScores
from tradeflow.evaluate.series_detectors import (
    CellJudge,
    Judgement,
    Scores,
    forest_judge,
    in_sample_judge,
    join_cells,
    judge_ours,
    peer_judge,
)
from tradeflow.evaluate.series_peers import PEERS, Peer
from tradeflow.evaluate.series_truth import KINDS, SIX_MONTHS, make_series
from tradeflow.evaluate.series_worlds import LENGTHS, POOLED_KINDS, Cell
from tradeflow.model.own_series import score_series

Array = NDArray[np.float64]

OURS = "tradeflow"
DISCOVERY_LEVELS = (0.1, 0.2)
_DISCOVERY_SERIES, _DISCOVERY_MONTHS, _DISCOVERY_SHARE = 1_500, 60, 0.03


@dataclass(frozen=True)
class Row:
    """One detector's figures: by anomaly, and its false alarms at nominal 1%."""

    detector: str
    series: int
    precision: dict[str, float]
    recall: dict[str, float]
    false_alarms: Rate
    seconds_per_fit: float


def score_own_table(panels: list[Array]) -> list[Scores]:
    """Score panels as one table, as `tradeflow score-series --last 1` does; all end in the same month."""
    scored, summary = score_series(_as_table(panels), last=1)
    last = scored.select("series_id", "anomaly_score", "p_value").join(summary.select("series_id", "six_month_score"), on="series_id")
    sizes = [len(panel) for panel in panels]
    ordered = _series_ids(sum(sizes)).join(last, on="series_id", how="left", maintain_order="left")
    columns = [ordered[name].cast(pl.Float64).fill_null(np.nan).to_numpy() for name in ("anomaly_score", "six_month_score", "p_value")]
    parts = [np.split(column, np.cumsum(sizes)[:-1]) for column in columns]
    return [
        Scores(np.nan_to_num(last_month, nan=-np.inf), {"one score": np.nan_to_num(six, nan=-np.inf)}, p_value)
        for last_month, six, p_value in zip(*parts, strict=True)
    ]


def _series_ids(count: int) -> pl.DataFrame:
    return pl.select(pl.int_range(count).cast(pl.String).alias("series_id"))


def _as_table(panels: list[Array]) -> pl.DataFrame:
    """Return series_id, period, net_weight_kg; series are numbered through all panels."""
    first, parts = 0, []
    for panel in panels:
        series, months = panel.shape
        month = 2018 * 12 + 11 - np.arange(months)[::-1]
        parts.append(
            pl.DataFrame(
                {
                    "series_id": np.repeat(np.arange(first, first + series), months),
                    "period": np.tile(month // 12 * 100 + month % 12 + 1, series).astype(np.int32),
                    "net_weight_kg": panel.ravel(),
                }
            )
        )
        first += series
    return pl.concat(parts).with_columns(pl.col("series_id").cast(pl.String), pl.col("net_weight_kg").fill_nan(None))


def judge_all(
    cells: list[Cell], dear_share: float, echo: Callable[[str], None], kept: KeptScores | None = None
) -> dict[str, tuple[list[Cell], Judgement]]:
    """Judge our model and every peer that is installed; dear peers on `dear_share` of their part."""
    judged = {OURS: (cells, judge_ours(cells, score_own_table))}
    for name, judge, some in _others(cells, dear_share, echo):
        judged[name] = (some, join_cells([(kept or KeptScores()).score(name, judge, cell) for cell in some]))
        echo(f"{name}: judged on {sum(len(cell.amounts) for cell in some):,} series")
    return judged


def _others(cells: list[Cell], dear_share: float, echo: Callable[[str], None]) -> Iterator[tuple[str, CellJudge, list[Cell]]]:
    """Yield every other detector's name, what judges a cell by it, and the cells it is judged on."""
    yield "isolation forest alone", forest_judge(), cells
    if all(peer.is_there for peer in PEERS if peer.needs == "statsmodels"):
        yield "STL residual in sample (statsmodels)", in_sample_judge(is_robust=False), cells
        yield "robust STL residual in sample (statsmodels)", in_sample_judge(is_robust=True), cells
    for peer in PEERS:
        if peer.is_there:
            yield peer.name, peer_judge(peer), _part_for(peer, cells, dear_share)
        else:
            echo(f"{peer.name}: not judged, {peer.needs} is not installed (the extra `peers`)")


def _part_for(peer: Peer, cells: list[Cell], dear_share: float) -> list[Cell]:
    if peer.most_series is None:
        return cells
    return [cell.first(max(round(peer.most_series * dear_share), 2)) for cell in cells]


def add_same_part(judged: dict[str, tuple[list[Cell], Judgement]]) -> None:
    """Add our figures on the part of the series that the dear peers are judged on: figures on few series differ by chance too."""
    parts = {max((len(cell.amounts) for cell in some), default=0): some for some, _ in judged.values() if some is not judged[OURS][0]}
    cells, whole = judged[OURS]
    for size, some in parts.items():
        cut = [np.arange(len(cell.amounts)) for cell in some]
        judged[f"{OURS}, first {size} of each kind and length"] = (some, _cut(whole, cut))


def _cut(whole: Judgement, rows: list[NDArray[np.int_]]) -> Judgement:
    def part(scores: list[Scores]) -> list[Scores]:
        return [each.rows(kept) for each, kept in zip(scores, rows, strict=True)]

    return Judgement(part(whole.clean), {name: part(scores) for name, scores in whole.planted.items()}, whole.seconds_per_fit)


def tabulate(judged: dict[str, tuple[list[Cell], Judgement]], kinds: tuple[str, ...] = POOLED_KINDS) -> list[Row]:
    """Return a row per detector over the cells of some kinds, all pooled."""
    return [_row(name, cells, judgement, kinds) for name, (cells, judgement) in judged.items()]


def _row(name: str, cells: list[Cell], judgement: Judgement, kinds: tuple[str, ...]) -> Row:
    chosen = [number for number, cell in enumerate(cells) if cell.kind in kinds]
    clean = [judgement.clean[number] for number in chosen]
    precision, recall = {}, {}
    for anomaly, scores in judgement.planted.items():
        planted = [scores[number] for number in chosen]
        pairs = [(np.concatenate(before), np.concatenate(after)) for before, after in score_pairs(anomaly, clean, planted)]
        precision[anomaly] = max(average_precision(before, after) for before, after in pairs)
        recall[anomaly] = max(recall_at(before, after).share for before, after in pairs)
    alarms = measure_rate(np.concatenate([scores.is_alarm for scores in clean]))
    return Row(name, sum(len(scores.last_month) for scores in clean), precision, recall, alarms, judgement.seconds_per_fit)


def score_pairs(anomaly: str, clean: list[Scores], planted: list[Scores]) -> list[tuple[list[Array], list[Array]]]:
    """Return (clean, planted), cell by cell, by each score that a detector brings for an anomaly of this kind."""
    if anomaly not in SIX_MONTHS:
        return [([each.last_month for each in clean], [each.last_month for each in planted])]
    names = clean[0].six_months
    return [([each.six_months[name] for each in clean], [each.six_months[name] for each in planted]) for name in names]


def false_alarms_by_group(series: int, seed: int) -> dict[str, dict[int, Rate]]:
    """Return our measured false alarms at nominal 1%, by kind and length, from clean series alone.

    All kinds and lengths are scored as one table.
    """
    groups = [(kind, months) for kind in KINDS for months in LENGTHS]
    scores = score_own_table([make_series(kind, series, months, seed) for kind, months in groups])
    found: dict[str, dict[int, Rate]] = {}
    for (kind, months), each in zip(groups, scores, strict=True):
        has_trade = np.isfinite(each.last_month) if each.p_value is None else np.isfinite(each.p_value)
        found.setdefault(kind, {})[months] = measure_rate(each.is_alarm[has_trade])
    return found


def discoveries(panels: int, seed: int) -> dict[float, tuple[float, float]]:
    """Return, by level, the mean realised share of false discoveries and power of Benjamini-Hochberg over panels with 3% planted spikes."""
    found: dict[float, list[tuple[float, float]]] = {level: [] for level in DISCOVERY_LEVELS}
    for number in range(panels):
        amounts = make_series("regular", _DISCOVERY_SERIES, _DISCOVERY_MONTHS, seed + number)
        random = np.random.default_rng([seed, number])
        is_planted = random.random(len(amounts)) < _DISCOVERY_SHARE
        amounts[is_planted, -1] *= random.choice([3.0, 5.0, 10.0], int(is_planted.sum()))
        p_values = score_own_table([amounts])[0].p_value
        if p_values is None:
            raise ValueError("score_own_table gave no p-values; discoveries are counted from p-values")
        for level in DISCOVERY_LEVELS:
            found[level].append(realised_discoveries(p_values, is_planted, level))
    return {
        level: (float(np.mean([false for false, _ in each])), float(np.mean([power for _, power in each]))) for level, each in found.items()
    }
