"""From which period on a commodity's figures are compared, and from which they are scored."""

from __future__ import annotations

import polars as pl

from tradeflow.settings import Model


def find_window_starts(model: Model, pairs: pl.DataFrame, first_period: int | None = None) -> pl.DataFrame:
    """Return freq_code, commodity_code, _newest, _scored_start, _calibration_start; pairs: `mirror_pair`.

    Counted back from the newest period in which a commodity's imports (else its exports) are known; nothing before the month (YYYYMM)
    `first_period` is scored.
    """
    newest = pairs.group_by("freq_code", "commodity_code").agg(
        pl.col("period").filter(pl.col("import_value_usd").is_not_null()).max().fill_null(pl.col("period").max()).alias("_newest")
    )
    starts = [
        {
            "_scored_start": max(step_back(newest, in_periods(model.scored_months, freq) - 1), _as_period(first_period, freq)),
            "_calibration_start": step_back(newest, in_periods(model.scored_months, freq) + in_periods(model.calibration_months, freq) - 1),
        }
        for freq, newest in newest.select("freq_code", "_newest").iter_rows()
    ]
    schema = {"_scored_start": pl.Int32, "_calibration_start": pl.Int32}
    return newest.hstack(pl.DataFrame(starts, schema=schema))


def _as_period(month: int | None, freq_code: str) -> int:
    """Write a month as a period of that frequency; 0 where there is none."""
    return 0 if month is None else month if freq_code == "M" else month // 100


def in_periods(months: int, freq_code: str) -> int:
    """Return how many periods so many months are: as many when monthly, whole years, one at the least, when annual."""
    return months if freq_code == "M" else max(1, round(months / 12))


def step_back(period: int, periods: int) -> int:
    """Return the period so many months (YYYYMM) or years (YYYY) earlier."""
    if period <= 9999:
        return period - periods
    months = period // 100 * 12 + period % 100 - 1 - periods
    return months // 12 * 100 + months % 12 + 1
