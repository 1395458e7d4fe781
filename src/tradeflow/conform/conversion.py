"""Rows restated in another HS edition: split by weights, each part with its variance and how it came about; nothing is lost or made."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tradeflow.conform.edition_weights import STEP

Floats = NDArray[np.float64]
AMOUNTS = ["primary_value_usd", "cif_value_usd", "fob_value_usd", "net_weight_kg", "gross_weight_kg", "quantity"]
_CODE = ["hs_revision", "commodity_code"]
_LABELS = ["whole", "fitted_on_reporters", "world_share", "equal_share", "code_unknown"]
"""How sure a step is, the surest first; a way is as sure as its least sure step."""


def convert_editions(rows: pl.DataFrame, weights: pl.DataFrame, to_edition: str) -> pl.DataFrame:
    """Return the rows under the codes of `to_edition`, a row per part, in their order, with what was done to each.

    weights: as `fit_edition_weights` returns them, step by step from edition to edition. Every amount of a row is split; its parts add up
    to it to the last digit, in any order. conversion_weight and conversion_weight_variance are the part's; conversion_label says how it
    came about: same_edition, whole, fitted_on_reporters, world_share or equal_share (the least sure step of the way), or why a code stays
    where it is: edition_unknown, code_unknown, not_a_subheading.
    """
    numbered = rows.with_row_index("_row")
    ways = _ways_to(weights, to_edition)
    parts = numbered.join(ways, on=_CODE, how="left", maintain_order="left").with_columns(_label(to_edition).alias("conversion_label"))
    code = pl.coalesce("_to_code", "commodity_code")
    restated = parts.with_columns(
        code.alias("commodity_code"),
        pl.coalesce("_to_revision", "hs_revision").alias("hs_revision"),
        pl.col("conversion_weight").fill_null(1.0),
        pl.col("conversion_weight_variance").fill_null(0.0),
        *[pl.when(pl.col("_to_code").is_null()).then(name).otherwise(code.str.head(2)).alias(name) for name in _chapter(rows)],
    ).sort("_row", "hs_revision", "commodity_code")
    row = restated["_row"].cast(pl.Int64).to_numpy()
    running = restated.select(pl.col("conversion_weight").cum_sum().over("_row")).to_series().to_numpy()
    split = [pl.Series(name, _split(row, restated[name].to_numpy(), running)).fill_nan(None) for name in AMOUNTS if name in rows.columns]
    return restated.with_columns(split).drop("_row", "_to_revision", "_to_code", "_doubt")


def _chapter(rows: pl.DataFrame) -> list[str]:
    return [name for name in ("commodity_chapter",) if name in rows.columns]


def _label(to_edition: str) -> pl.Expr:
    return (
        pl.when(pl.col("hs_revision").is_null()).then(pl.lit("edition_unknown"))
        .when(pl.col("hs_revision") == to_edition).then(pl.lit("same_edition"))
        .when(pl.col("commodity_code").str.len_bytes() != 6).then(pl.lit("not_a_subheading"))
        .otherwise(pl.col("_doubt").replace_strict(range(len(_LABELS)), _LABELS, default="code_unknown", return_dtype=pl.String))
    )  # fmt: skip


def _ways_to(weights: pl.DataFrame, to_edition: str) -> pl.DataFrame:
    """Return for the codes of every other edition where they end, with which weight, and how sure the way is.

    Editions are numbered in the order of their years: a way leads through all of those between. Where it breaks off, the part stays there.
    """
    doubt = pl.col("weight_label").replace_strict(_LABELS, range(len(_LABELS)), return_dtype=pl.Int64).alias("_step_doubt")
    steps = weights.select(*STEP, pl.col("weight").alias("_weight"), pl.col("weight_variance").alias("_variance"), doubt)
    editions = sorted({*weights["from_revision"], *weights["to_revision"], to_edition})
    at = editions.index(to_edition)
    forward = [_way(steps, editions[place : at + 1]) for place in range(at)]
    back = [_way(steps, editions[at : place + 1][::-1]) for place in range(at + 1, len(editions))]
    return pl.concat([_start(steps.clear()), *forward, *back])


def _way(steps: pl.DataFrame, editions: list[str]) -> pl.DataFrame:
    way = _start(steps.filter(pl.col("from_revision") == editions[0]))
    for since, to in zip(editions, editions[1:], strict=False):
        way = _follow(way, steps.filter((pl.col("from_revision") == since) & (pl.col("to_revision") == to)))
    return way


def _start(steps: pl.DataFrame) -> pl.DataFrame:
    codes = steps.select(pl.col("from_revision").alias("hs_revision"), pl.col("from_code").alias("commodity_code")).unique()
    return codes.with_columns(
        pl.col("hs_revision").alias("_to_revision"), pl.col("commodity_code").alias("_to_code"),
        conversion_weight=pl.lit(1.0), conversion_weight_variance=pl.lit(0.0), _doubt=pl.lit(0, dtype=pl.Int64),
    )  # fmt: skip


def _follow(way: pl.DataFrame, step: pl.DataFrame) -> pl.DataFrame:
    """Take one step from where the ways stand; weights multiply, and so do they as uncertain numbers."""
    onward = step.rename({"to_revision": "_next_revision", "to_code": "_next_code"})
    joined = way.join(onward, left_on=["_to_revision", "_to_code"], right_on=["from_revision", "from_code"], how="left")
    weight, variance = pl.col("conversion_weight"), pl.col("conversion_weight_variance")
    next_weight, next_variance = pl.col("_weight").fill_null(1.0), pl.col("_variance").fill_null(0.0)
    stepped = joined.select(
        *_CODE,
        pl.coalesce("_next_revision", "_to_revision").alias("_to_revision"),
        pl.coalesce("_next_code", "_to_code").alias("_to_code"),
        (weight * next_weight).alias("conversion_weight"),
        (weight**2 * next_variance + next_weight**2 * variance + variance * next_variance).alias("conversion_weight_variance"),
        pl.max_horizontal("_doubt", pl.col("_step_doubt").fill_null(len(_LABELS) - 1)).alias("_doubt"),
    )
    merged = stepped.group_by(*_CODE, "_to_revision", "_to_code").agg(
        pl.col("conversion_weight").sum(), pl.col("conversion_weight_variance").sum(), pl.col("_doubt").max()
    )
    total = pl.col("conversion_weight")
    # Parts that part and meet again make a whole, of which nothing is uncertain.
    return merged.with_columns(pl.min_horizontal("conversion_weight_variance", (total * (1 - total)).clip(lower_bound=0)))


def _split(row: NDArray[np.int64], amount: Floats, running: Floats) -> Floats:
    """Split each row's amount by the running sum of its parts' weights; a row's parts stand together.

    Each cut is rounded to the amount's last digit and the last cut is the amount itself: the parts are whole numbers of last digits.
    """
    is_first = np.diff(row, prepend=-1) != 0
    is_last = np.roll(is_first, -1)
    digit = np.spacing(amount)
    cut = np.where(is_last, amount, np.minimum(np.rint(amount * running / digit) * digit, amount))
    return np.asarray(cut - np.where(is_first, 0.0, np.roll(cut, 1)))
