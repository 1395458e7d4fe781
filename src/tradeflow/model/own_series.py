"""Anyone's monthly series: one row per series and scored month, and one summary row per series."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tradeflow.contract import load_contract
from tradeflow.model.change import WINDOW, Changes
from tradeflow.model.excess import as_score, interval_reach, log_tail
from tradeflow.model.past_error import fit_scales, sample_errors, scales_of
from tradeflow.model.scoring import LARGEST_LOG_KG, MIN_TRADED_PERIODS, Series, score_months, score_newest_window
from tradeflow.model.series import make_calendar
from tradeflow.model.table_presence import restate_presence

Mask = NDArray[np.bool_]

MIN_HISTORY = 12
"""Earlier months that must be known: without a year there is no season."""
CHUNK_SERIES = 4_096
"""Series laid out at once: bounds the memory, changes no figure."""
MONTHS_PER_YEAR = 12
_MONTH_SCHEMA = {
    "series_id": pl.String,
    "group": pl.String,
    "period": pl.Int32,
    "age": pl.Int32,
    "is_wanted": pl.Boolean,
    "not_scored_reason": pl.String,
    **dict.fromkeys(("observed_kg", "mean", "sd", "deviation", "trade_probability", "p_value", "anomaly_score"), pl.Float64),
}
"""A month before it is scaled; age: months before the series' newest; mean, sd, deviation: of the log amount."""


def score_series(rows: pl.DataFrame, *, last: int | None = None, control_period: int | None = None) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return contracts `own_series_score` and `own_series_change` for rows of contract `own_series`, one per series and month.

    Each month is scored by the months before it. Scored are all listed months with MIN_HISTORY known months before them, with `last` only
    the newest so many of each series; and in any case each series' newest listed month, with the reason where it has no score. Series may
    begin and end when they like: the newest month of each is its own. p_value and the interval also rest on how far the earlier months of
    the table, or of the `group`, were from what was expected of them (`past_error`); scores do not.
    `control_period` (YYYYMM): from when trade was controlled; front-loading is then looked for just before it.
    """
    months = [pl.DataFrame(schema=_MONTH_SCHEMA)]
    summaries = [load_contract("own_series_change").empty_frame()]
    sampled = sample_errors(_list_series(rows))
    for ending in _by_newest_month(rows):
        calendar = make_calendar("M", int(ending["period"].min()), int(ending["period"].max()))  # type: ignore[arg-type]
        control = None if control_period is None else int(np.searchsorted(calendar, control_period)) - (len(calendar) - WINDOW)
        for keys, series, listed in _panels(ending, calendar):
            wanted = _scored_months(series, listed, last)
            scored = _score_frame(keys, series, calendar, wanted, _error_months(keys, series, listed, sampled, last))
            months.append(scored)
            newest = scored.filter(age=0)
            changes, is_judged = score_newest_window(series, MIN_HISTORY, control_month=control)
            summaries.append(_summary_frame(newest, changes, is_judged, calendar))
    scores = _scale_by_past(pl.concat(months), sampled)
    return scores.sort("series_id", "period"), pl.concat(summaries).sort("series_id")


def _list_series(rows: pl.DataFrame) -> pl.DataFrame:
    """Return series_id and group, which may be null, in the order of series_id."""
    group = pl.col("group").cast(pl.String).drop_nulls().first() if "group" in rows.columns else pl.lit(None, pl.String)
    return rows.group_by("series_id").agg(group.alias("group")).sort("series_id")


def _by_newest_month(rows: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Yield the rows of the series that end in one month, month by month."""
    ends = rows.with_columns(pl.col("period").max().over("series_id").alias("_newest"))
    yield from (part.drop("_newest") for part in ends.partition_by("_newest", maintain_order=True))


def _panels(rows: pl.DataFrame, calendar: NDArray[np.int32]) -> Iterator[tuple[pl.DataFrame, Series, Mask]]:
    """Yield some series at a time: series_id and group, the dense series, and which months the table names."""
    keys = _list_series(rows)
    ordered = rows.select("series_id", "period", "net_weight_kg").join(keys.select("series_id").with_row_index("place"), on="series_id")
    column = np.searchsorted(calendar, ordered["period"].to_numpy())
    row, kg = ordered["place"].to_numpy().astype(np.intp), ordered["net_weight_kg"].fill_null(np.nan).to_numpy()
    order = np.argsort(row, kind="stable")
    row, column, kg = row[order], column[order], kg[order]
    for start in range(0, keys.height, CHUNK_SERIES):
        part = keys.slice(start, CHUNK_SERIES)
        inside = slice(np.searchsorted(row, start), np.searchsorted(row, start + part.height))
        dense = np.full((part.height, len(calendar)), np.nan)
        listed = np.zeros(dense.shape, dtype=np.bool_)
        dense[row[inside] - start, column[inside]] = kg[inside]
        listed[row[inside] - start, column[inside]] = True
        yield part, Series(dense, dense > 0, np.isfinite(dense), MONTHS_PER_YEAR), listed


def _scored_months(series: Series, listed: Mask, last: int | None) -> Mask:
    """Return (series, months): listed months with enough history, and the newest month of every series."""
    wanted = listed & _has_history(series)
    wanted[:, : wanted.shape[1] - (last or wanted.shape[1])] = False
    wanted[:, -1] = True
    return wanted


def _error_months(keys: pl.DataFrame, series: Series, listed: Mask, sampled: pl.DataFrame, last: int | None) -> Mask:
    """Return (series, months): the earlier months whose errors set the scale of a scored one."""
    is_error = np.zeros_like(listed)
    drawn = keys.select("series_id").with_row_index("row").join(sampled, on="series_id")
    for (back,), of_back in drawn.group_by("months_back"):
        end = max(listed.shape[1] - int(back), 0)
        is_error[of_back["row"].to_numpy(), max(end - (last or end), 0) : end] = True
    return is_error & listed & _has_history(series)


def _has_history(series: Series) -> Mask:
    return np.asarray(np.cumsum(series.is_known, axis=1) - series.is_known >= MIN_HISTORY)


def _score_frame(keys: pl.DataFrame, series: Series, calendar: NDArray[np.int32], wanted: Mask, is_error: Mask) -> pl.DataFrame:
    """Return a row per month that is wanted or an error, with _MONTH_SCHEMA."""
    rows, columns = np.nonzero(wanted | is_error)
    scores = score_months(series, rows, columns, MIN_HISTORY)
    observed = series.kg[rows, columns]
    too_short = series.known_before(rows, columns) < MIN_HISTORY
    few = series.amounts_before(rows, columns) < MIN_TRADED_PERIODS
    reason = np.select([np.isnan(observed), too_short, few], ["not_reported", "short_history", "few_amounts"], "")
    is_scored = np.isfinite(observed) & ~too_short
    figures = {
        "observed_kg": observed,
        "mean": scores.mean,
        "sd": scores.sd,
        "deviation": scores.deviation,
        "trade_probability": scores.trade_probability,
        "p_value": np.where(is_scored, np.exp(scores.log_p), np.nan),
        "anomaly_score": np.where(is_scored, as_score(scores.log_evidence), np.nan),
    }
    frame = keys[rows].with_columns(
        period=pl.Series(calendar[columns], dtype=pl.Int32),
        age=pl.Series(len(calendar) - 1 - columns, dtype=pl.Int32),
        is_wanted=pl.Series(wanted[rows, columns]),
        not_scored_reason=pl.Series(reason).replace("", None),
        **{name: pl.Series(values, dtype=pl.Float64).fill_nan(None) for name, values in figures.items()},
    )
    return frame.select(_MONTH_SCHEMA.keys())


def _scale_by_past(months: pl.DataFrame, sampled: pl.DataFrame) -> pl.DataFrame:
    """Return contract `own_series_score`: chances and intervals scaled by the errors of `sampled` that came before each month."""
    grouped = months.with_columns(pl.col("group").fill_null(""))
    errors = grouped.filter(pl.col("deviation").is_not_null()).join(sampled, on="series_id")
    ages = errors.with_columns(pl.col("age") - pl.col("months_back")).filter(pl.col("age") >= 0)
    wanted = months.filter("is_wanted")
    scale = scales_of(wanted.with_columns(pl.col("group").fill_null("")), fit_scales(ages.select("age", "group", "deviation", "sd")))
    mean, sd, deviation = (wanted[name].to_numpy() for name in ("mean", "sd", "deviation"))
    reach = interval_reach() * sd * scale
    by_amount = np.exp(log_tail(deviation / scale)) * _presence_in_table(wanted)
    figures = {
        "expected_kg": _kg(mean),
        "lower_kg": _kg(mean - reach),
        "upper_kg": _kg(mean + reach),
        "p_value": np.where(np.isfinite(deviation), by_amount, wanted["p_value"].to_numpy()),
    }
    frame = wanted.with_columns(pl.Series(name, values, dtype=pl.Float64).fill_nan(None) for name, values in figures.items())
    return _as_contract(frame, "own_series_score")


def _presence_in_table(months: pl.DataFrame) -> NDArray[np.float64]:
    """Return the chance of trade in each month, restated by how many series of the table, or of the group, trade in it."""
    has_traded = pl.col("observed_kg").gt(0).cast(pl.Float64).fill_null(np.nan)
    numbered = months.select(
        chance=pl.col("trade_probability").fill_null(np.nan),
        has_traded=has_traded,
        month=pl.col("age").rank("dense").cast(pl.Int64) - 1,
        group=pl.struct("age", pl.col("group").fill_null("")).rank("dense").cast(pl.Int64) - 1,
    )
    return restate_presence(*(numbered[name].to_numpy() for name in ("chance", "has_traded", "month", "group")))


def _summary_frame(newest: pl.DataFrame, changes: Changes, is_judged: Mask, calendar: NDArray[np.int32]) -> pl.DataFrame:
    window = np.concatenate([np.zeros(max(WINDOW - len(calendar), 0), dtype=np.int32), calendar[-WINDOW:]])
    period = pl.Series(np.where(changes.start >= 0, window[changes.start], 0), dtype=pl.Int32)
    judged = pl.Series(is_judged)
    frame = newest.select("series_id", "group", "not_scored_reason", last_month_score="anomaly_score").with_columns(
        six_month_score=pl.when(judged).then(pl.Series(as_score(changes.log_evidence))),
        change_kind=pl.when(judged).then(pl.Series(changes.kind)),
        change_period=pl.when(judged & (period > 0)).then(period),
    )
    return _as_contract(frame, "own_series_change")


def _kg(log_kg: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.exp(np.clip(log_kg, -LARGEST_LOG_KG, LARGEST_LOG_KG)))


def _as_contract(frame: pl.DataFrame, table: str) -> pl.DataFrame:
    return frame.select(pl.col(name).cast(dtype) for name, dtype in load_contract(table).schema.items())
