"""What foretelling a silent side is learnt from: the past's pairs in, each as it would have been foretold with less known, weighted, out.

A pair is foretold from the years up to some year before it, and, with time turned round, from the years after some year: habits age alike
in both directions, and a table's first years have few reporters, so that only the turned ones show how knowledge of many years ages.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from tradeflow.model.mirror_features import ORDER, ROUTE, Question, describe_past

_LEAST_KNOWN = 0.2
"""Share of the past's pairs with both sides: examples from fewer teach that nothing is known of a route, which later is not so."""
_MOST_ROWS = 40_000
_EVIDENCE = {"count_0": (1, 4, 9, 21), "count_hidden": (1, 4, 13)}
"""What is known of a route: months with both sides, and with the hidden side; from these counts on a row is of the next class."""
_MOST_OFTEN = 20.0


def find_examples(past: pl.DataFrame, asked: pl.DataFrame, question: Question) -> pl.DataFrame:
    """Return the pairs of the past with what was known at each year's end, as many years from it as is asked for, with _weight.

    `past`: logs by `take_logs`; `asked`: the rows asked for, by `describe_past`. At most `_MOST_ROWS`, by chance.
    """
    horizon = max(1, int(asked["age"].to_numpy().max(initial=1)))
    described = [*_describe_years(past, question, horizon)]
    described += [_turn(each) for each in _describe_years(_turn(past).sort(ORDER), question, horizon)]
    if not described:
        return asked.clear().with_columns(pl.lit(None, pl.Float64).alias("_weight"))
    weighed = weigh_examples(pl.concat(described), asked)
    return weighed.filter(pl.struct(*ROUTE, "_index", "age").hash(seed=1) % max(weighed.height, 1) < _MOST_ROWS)


def _describe_years(past: pl.DataFrame, question: Question, horizon: int) -> Iterator[pl.DataFrame]:
    """Yield the shown rows of the years after each year, with what was known at its end; not from years of which too little was known."""
    years = past.group_by("_year").agg((pl.col("_hidden") - pl.col("_shown")).count().alias("_pairs")).sort("_year")
    known = years.with_columns(pl.col("_pairs").cum_sum() / pl.col("_pairs").sum())
    for known_to in known.filter(pl.col("_pairs") >= _LEAST_KNOWN)["_year"]:
        later = past.filter(pl.col("_shown").is_not_null() & pl.col("_year").is_between(known_to + 1, known_to + horizon))
        if later.height:
            yield describe_past(past, later, question, known_to)


def _turn(rows: pl.DataFrame) -> pl.DataFrame:
    """Turn time round; twice is as before."""
    return rows.with_columns(-pl.col("_year"), -pl.col("_index"))


def weigh_examples(described: pl.DataFrame, asked: pl.DataFrame) -> pl.DataFrame:
    """Return the rows with both sides and _weight: how often their like is asked and will be answered, over how often it is here.

    Alike are rows with the same age and as much evidence. How often a row is answered is read off the described rows.
    """
    oldest = described["age"].max()
    alike = [pl.min_horizontal("age", pl.lit(oldest)).alias("_age"), *(_class_of(*each).alias(f"_{each[0]}") for each in _EVIDENCE.items())]
    keys = ["_age", *(f"_{name}" for name in _EVIDENCE)]
    classed = described.with_columns(alike)
    here = classed.group_by(keys).agg(pl.len().alias("_all"), pl.col("_hidden").count().alias("_both"))
    wanted = asked.select(alike).group_by(keys).agg(pl.len().alias("_asked"))
    share = (pl.col("_asked").fill_null(0) / pl.col("_all")).alias("_weight")
    weights = here.filter(pl.col("_both") > 0).join(wanted, on=keys, how="left").select(*keys, share)
    joined = classed.drop_nulls("_hidden").join(weights, on=keys, how="left", maintain_order="left")
    mean = pl.col("_weight").mean()
    relative = pl.when(mean > 0).then(pl.col("_weight") / mean).otherwise(1.0).clip(1 / _MOST_OFTEN, _MOST_OFTEN)
    return joined.with_columns(relative.alias("_weight")).drop(keys)


def _class_of(name: str, starts: tuple[int, ...]) -> pl.Expr:
    return pl.sum_horizontal(pl.col(name).fill_null(0) >= start for start in starts)
