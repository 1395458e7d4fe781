"""At which level a lead is told: route, importer, an importer's family of goods, or the world; the other levels stand beneath it."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce

import polars as pl

from tradeflow.signals.spell import window_span

_LEVEL_SHARE = 0.6
"""An excess is told of one part, an importer's of one route, the world's of one importer, that holds at least this share of it."""
_MORE_ARRIVED = ["excess_import", "excess_export", "new_route", "displacement", "hub_detour"]
"""Rules that say more came by a route: all of it is within what the importer took."""
_OF_EXPORTERS = ["excess_import", "excess_export", "mirror_gap"]
"""Rules that may show an exporter's doing, or its way of reporting, on all its routes at once."""
_SEVERAL = 3
"""Importers of one exporter that show the same at once, from which on it is told once."""
_IS_EXCESS = pl.col("rule") == "excess_import"
_MOVE = ["signal_id", "_to"]


def choose_levels(signals: pl.DataFrame) -> pl.DataFrame:
    """Add `lead_part`, the route, importer, family or world that a signal is about, and `lead_key`, that under which it is told.

    signals: listed ones and those that only corroborate them (is_corroborating).

    Only signals whose windows overlap are put together. An importer's excess goes to the route that holds most of it, the world's to the
    importer that does. What an exporter's routes to several importers show at once is told of the strangest. Routes by which more arrived
    go to an importer's excess that no route explains, and those into a hub to the detour that they are a leg of. A family goes to goods of
    it that are at least as strange, else these goods to the family. An excess goes to the world's where it is within its interval once that
    may grow as the world did.
    """
    placed = signals.with_columns(_part().alias("_own"), *window_span())
    # An importer's excess that is one route's is the same excess: it counts with the route's other signals.
    parted = _move(placed.with_columns(pl.col("_own").alias("lead_key")), _importers_to_routes).with_columns(lead_part="lead_key")
    steps = (
        _importers_to_exporters,
        _legs_to_detours,
        _world_to_importers,
        _routes_to_importers,
        _families_to_goods,
        _goods_to_families,
        _excesses_to_world,
    )
    return reduce(_move, steps, parted).drop("_own", "_first", "_last")


def _part() -> pl.Expr:
    goods = pl.when(pl.col("subject") == "family").then("family").otherwise("commodity_code")
    return pl.concat_str([pl.lit("lead"), *(pl.col(c).cast(pl.String) for c in ("importer_code", "exporter_code")), goods], separator="|")


def _move(signals: pl.DataFrame, find: Callable[[pl.DataFrame], pl.DataFrame]) -> pl.DataFrame:
    moves = find(signals).group_by("signal_id", maintain_order=True).first()
    moved = signals.join(moves, on="signal_id", how="left", maintain_order="left")
    return moved.with_columns(pl.coalesce("_to", "lead_key").alias("lead_key")).drop("_to")


def _meet(signals: pl.DataFrame, others: pl.DataFrame, on: list[str]) -> pl.DataFrame:
    """Return each pair of a signal and another one (_..._other) whose windows overlap, the strangest first.

    _shared_kg: what the other's excess amounts to in the periods that both windows hold.
    """
    keys = ["freq_code", *on]
    named = others.rename({name: f"_{name.lstrip('_')}_other" for name in others.columns if name not in keys})
    met = signals.join(named, on=keys)
    shared = pl.min_horizontal("_last", "_last_other") - pl.max_horizontal("_first", "_first_other") + 1
    held = met.with_columns((shared * pl.col("_excess_kg_other") / pl.col("_window_periods_other")).alias("_shared_kg")).filter(shared > 0)
    by = ["p_value", "signal_id", "_shared_kg", "_signal_id_other"]
    return held.sort(by, descending=[False, False, True, False], nulls_last=True)


def _excesses(signals: pl.DataFrame, subject: str) -> pl.DataFrame:
    return signals.filter(_IS_EXCESS & (pl.col("subject") == subject))


def _standing(signals: pl.DataFrame) -> pl.DataFrame:
    return signals.filter(pl.col("lead_key") == pl.col("_own"))


def _to_most_of_it(wholes: pl.DataFrame, parts: pl.DataFrame, on: list[str]) -> pl.DataFrame:
    """Let the strangest signal of each whole decide for all of it."""
    strangest = wholes.sort("p_value", "signal_id").unique("lead_key", keep="first", maintain_order=True)
    return _meet(strangest, parts, on).filter(pl.col("_shared_kg") >= _LEVEL_SHARE * pl.col("excess_kg"))


def _importers_to_routes(signals: pl.DataFrame) -> pl.DataFrame:
    importers = _excesses(signals, "importer")
    return _all_of(importers, _to_most_of_it(importers, _excesses(signals, "flow"), ["importer_code", "commodity_code"]))


def _importers_to_exporters(signals: pl.DataFrame) -> pl.DataFrame:
    """What is strangest of an exporter's routes to several importers at once is told of the strangest of them."""
    leading = signals.sort("p_value", "signal_id").unique("lead_key", keep="first", maintain_order=True)
    routes = leading.filter(pl.col("rule").is_in(_OF_EXPORTERS) & (pl.col("subject") == "flow"))
    one = ["rule", "exporter_code", "commodity_code"]
    met = _meet(routes, routes.unique(["freq_code", *one], keep="first", maintain_order=True), one)
    is_shared = pl.col("importer_code").n_unique().over("_lead_key_other") >= _SEVERAL
    return _all_of(signals, met.filter(is_shared & (pl.col("lead_key") != pl.col("_lead_key_other"))))


def _legs_to_detours(signals: pl.DataFrame) -> pl.DataFrame:
    """What more came into a hub stands beneath what went on from there, unless it has more to tell."""
    into_hub = {"importer_code": pl.col("exporter_code"), "exporter_code": pl.col("related_area_code")}
    is_detour = pl.col("rule") == "hub_detour"
    legs = _only_routes(signals).filter(~is_detour.any().over("lead_key"))
    return _all_of(
        signals, _meet(legs, signals.filter(is_detour).with_columns(**into_hub), ["importer_code", "exporter_code", "commodity_code"])
    )


def _world_to_importers(signals: pl.DataFrame) -> pl.DataFrame:
    return _all_of(signals, _to_most_of_it(_excesses(signals, "world"), _excesses(signals, "importer"), ["commodity_code"]))


def _routes_to_importers(signals: pl.DataFrame) -> pl.DataFrame:
    importers = _standing(_excesses(signals, "importer"))
    return _all_of(signals, _meet(_only_routes(signals), importers, ["importer_code", "commodity_code"]))


def _only_routes(signals: pl.DataFrame) -> pl.DataFrame:
    """Keep the leads on routes by which more arrived, with which no other rule, and no importer's excess that they explain, stands."""
    return signals.filter(_only(pl.col("rule").is_in(_MORE_ARRIVED) & (pl.col("subject") == "flow")))


def _only(holds: pl.Expr) -> pl.Expr:
    """Tell the leads of which it holds for every signal; what only corroborates has no say."""
    return (holds | pl.col("is_corroborating")).all().over("lead_key")


def _families_to_goods(signals: pl.DataFrame) -> pl.DataFrame:
    strangest = pl.col("p_value").min().over("lead_key")
    met = _meet_goods(signals.filter(pl.col("subject") == "family").with_columns(strangest), signals)
    stranger = met.filter(pl.col("_p_value_other") <= pl.col("p_value")).sort("lead_key", "_p_value_other", "_signal_id_other")
    return _all_of(signals, stranger)


def _goods_to_families(signals: pl.DataFrame) -> pl.DataFrame:
    families = _standing(signals.filter(pl.col("subject") == "family"))
    met = _meet_goods(families, signals.filter(_only(pl.col("rule").is_in(_MORE_ARRIVED))))
    turned = met.select(pl.col("_lead_key_other").alias("lead_key"), pl.col("lead_key").alias("_lead_key_other"))
    return _all_of(signals, turned)


def _meet_goods(families: pl.DataFrame, signals: pl.DataFrame) -> pl.DataFrame:
    met = _meet(families, _excesses(signals, "importer"), ["importer_code"])
    code = pl.col("_commodity_code_other")
    return met.filter((code == pl.col("commodity_code")) | (code == pl.col("related_commodity_code")))


def _excesses_to_world(signals: pl.DataFrame) -> pl.DataFrame:
    met = _meet(signals.filter(_IS_EXCESS & (pl.col("subject") != "world")), _standing(_excesses(signals, "world")), ["commodity_code"])
    growth = pl.col("_observed_kg_other") / pl.col("_expected_kg_other")
    explained = met.filter(pl.col("observed_kg") <= pl.col("upper_kg") * growth)
    whole = signals.filter(_only(pl.col("signal_id").is_in(explained["signal_id"].implode())))["lead_key"].implode()
    return _all_of(signals, explained.filter(pl.col("lead_key").is_in(whole)))


def _all_of(signals: pl.DataFrame, met: pl.DataFrame) -> pl.DataFrame:
    """Return the moves of all signals of each lead that met another one, to the first that it met."""
    first = met.group_by("lead_key", maintain_order=True).agg(pl.col("_lead_key_other").first().alias("_to"))
    return signals.select("signal_id", "lead_key").join(first, on="lead_key").select(_MOVE)
