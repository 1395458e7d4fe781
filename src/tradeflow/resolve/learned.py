"""Links by weights that are learned from the parties themselves: Fellegi and Sunter's model, as Splink fits it on DuckDB.

Needs the extra `companies`. What may never be one company is left to the stage: it drops links of two numbers of one country.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import polars as pl

from tradeflow.exceptions import TradeflowError

if TYPE_CHECKING:
    from splink import Linker, SettingsCreator

_LEAST_PROBABILITY = 0.95
_PAIRS_TO_LEARN_FROM = 1_000_000
_FEWEST_SPELLINGS, _FEWEST_REPEATS = 1_000, 100
_COLUMNS = ["_p", "_country", "_number", "_core", "_generic", "_address"]


def link_by_weights(parties: pl.DataFrame) -> pl.DataFrame:
    """Return _left, _right and link_score (match probability) of the pairs that are likely one company.

    Pairs meet by number, by the telling part of the name, by address, and by either end of the telling part within a country.
    """
    if parties.height < _FEWEST_SPELLINGS:
        raise TradeflowError(f"Splink learns from {_FEWEST_SPELLINGS:,} spellings at the least, here are {parties.height:,}: link by rules")
    from splink import Linker
    from splink.backends.duckdb import DuckDBAPI

    seen = (
        parties.select(_COLUMNS)
        .rename(lambda name: name.lstrip("_"))
        .with_columns(
            pl.col("p").cast(pl.Int64),
            pl.col("country").replace("", None),
            pl.when(pl.col("address").is_not_null() & ~parties["_is_crowded"]).then("address").alias("address"),
            pl.col("core").str.slice(0, 5).alias("head"),
            pl.col("core").str.reverse().str.slice(0, 5).alias("tail"),
        )
    )
    database = DuckDBAPI()
    linker = Linker(database.register(seen.to_arrow()), _settings(), log_level=logging.ERROR)
    repeated = [key for key in ("number", "address") if seen[key].drop_nulls().is_duplicated().sum() >= _FEWEST_REPEATS]
    _learn(linker, repeated or ["core"])
    found = linker.inference.predict(threshold_match_probability=_LEAST_PROBABILITY)
    table: Any = found.as_pyarrow_table()  # type: ignore[no-untyped-call]
    pairs = pl.DataFrame(table).select("p_l", "p_r", "match_probability")
    low, high = pl.min_horizontal("p_l", "p_r"), pl.max_horizontal("p_l", "p_r")
    places = pairs.select(
        low.cast(pl.UInt32).alias("_left"), high.cast(pl.UInt32).alias("_right"), pl.col("match_probability").alias("link_score")
    )
    return places.unique(["_left", "_right"])


def _settings() -> SettingsCreator:
    import splink.comparison_library as compare
    from splink import SettingsCreator, block_on

    comparisons: list[Any] = [
        compare.DamerauLevenshteinAtThresholds("core", [1, 2]).configure(term_frequency_adjustments=True),
        compare.ExactMatch("generic"),
        compare.ExactMatch("number"),
        compare.LevenshteinAtThresholds("address", [1, 4]),
        compare.ExactMatch("country"),
    ]
    blocks: list[Any] = [block_on(*keys) for keys in (["number"], ["core"], ["address"], ["country", "head"], ["country", "tail"])]
    return SettingsCreator(
        "dedupe_only", comparisons=comparisons, blocking_rules_to_generate_predictions=blocks, unique_id_column_name="p",
        retain_matching_columns=False,
    )  # fmt: skip


def _learn(linker: Linker, keys: list[str]) -> None:
    """Fit chances of agreement among unlike parties from random pairs, among like ones from pairs that share one of the keys."""
    from splink import block_on

    training = linker.training
    training.estimate_probability_two_random_records_match(
        [block_on("country", "number"), block_on("country", "core", "address")], recall=0.7
    )
    training.estimate_u_using_random_sampling(max_pairs=_PAIRS_TO_LEARN_FROM, seed=1)
    for key in keys:
        training.estimate_parameters_using_expectation_maximisation(block_on(key))
