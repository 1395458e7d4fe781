"""Declared items of watched substances, with the companies that are named on them: declarations and names in, `company_item` out."""

from __future__ import annotations

import polars as pl

from tradeflow.contract import load_contract
from tradeflow.resolve.declared import DECLARED_AS, tell_party
from tradeflow.resolve.party import PARTY

_PLACE = ["snapshot_id", "row_number"]
_KEY = [*_PLACE, "substance_code"]


def list_company_items(
    declarations: pl.LazyFrame,
    declared_substance: pl.DataFrame,
    entity_name: pl.DataFrame,
    *,
    areas: pl.DataFrame,
    commodities: pl.DataFrame,
    substances: pl.DataFrame,
) -> pl.DataFrame:
    """Return `company_item` of the rows of `customs_declaration` that the run sees.

    `areas`, `commodities`, `substances`: code lists area, commodity and substance. A code names a substance where it is its own alone;
    under a code that several goods share, only words do. Only watched items are held in memory.
    """
    own = own_codes(commodities)
    worded = declared_substance.select(*_KEY, "is_code_of_substance")
    watched = _watched_items(declarations, own, worded).collect(engine="streaming")
    named = _name_substances(watched, own, worded)
    items = watched.join(named, on=_PLACE).join(substances.select("substance_code", "family"), on="substance_code", how="left")
    linked = _link_entities(items.with_columns(*_restate()), entity_name, areas)
    return linked.select(load_contract("company_item").column_names).sort(_KEY)


def own_codes(commodities: pl.DataFrame) -> pl.DataFrame:
    """Return hs6_code and substance_code of the HS subheadings that are of one substance alone."""
    named = commodities.filter(pl.col("exposure") == "named")
    return named.select(hs6_code="commodity_code", substance_code="substance_codes")


def is_export() -> pl.Expr:
    """Tell whether a row is declared on the way out; a row that does not say is an import."""
    return pl.col("flow_code").is_in(["X", "RX"]).fill_null(value=False)


def _watched_items(declarations: pl.LazyFrame, own: pl.DataFrame, worded: pl.DataFrame) -> pl.LazyFrame:
    places = worded.lazy().select(_PLACE).unique().with_columns(_is_worded=pl.lit(value=True))
    marked = declarations.join(places, on=_PLACE, how="left")
    return marked.filter(pl.col("_is_worded") | pl.col("hs6_code").is_in(own["hs6_code"].implode())).drop("_is_worded")


def _name_substances(watched: pl.DataFrame, own: pl.DataFrame, worded: pl.DataFrame) -> pl.DataFrame:
    """Return a row per item and substance: _PLACE, substance_code, named_by, is_code_of_substance."""
    coded = watched.select(*_PLACE, "hs6_code").join(own, on="hs6_code").select(*_KEY, _is_coded=pl.lit(value=True))
    both = coded.join(worded.with_columns(_is_worded=pl.lit(value=True)), on=_KEY, how="full", coalesce=True)
    by = pl.when(pl.col("_is_coded") & pl.col("_is_worded")).then(pl.lit("both")).when("_is_coded").then(pl.lit("code"))
    return both.select(
        *_KEY,
        by.otherwise(pl.lit("words")).alias("named_by"),
        pl.coalesce("_is_coded", "is_code_of_substance").alias("is_code_of_substance"),
    )


def _restate() -> list[pl.Expr]:
    day, value = pl.col("declaration_date"), pl.coalesce("cif_value_usd", "fob_value_usd")
    weight = pl.when(pl.col("net_weight_kg") > 0).then("net_weight_kg")
    return [
        (day.dt.year() * 100 + day.dt.month()).cast(pl.Int32).alias("period"),
        pl.when(is_export()).then(pl.lit("X")).otherwise(pl.lit("M")).alias("flow_code"),
        value.alias("value_usd"),
        (pl.when(value > 0).then(value) / weight).alias("unit_value_usd_per_kg"),
    ]


def _link_entities(items: pl.DataFrame, entity_name: pl.DataFrame, areas: pl.DataFrame) -> pl.DataFrame:
    known = name_entities(entity_name)
    return items.with_columns(link_party(tell_party(role, items.columns, areas), known).alias(f"{role}_entity_id") for role in DECLARED_AS)


def name_entities(entity_name: pl.DataFrame) -> pl.DataFrame:
    """Return each spelling once: _party, what it says of itself as one text, and entity_id."""
    return entity_name.select(join_party([pl.col(name) for name in PARTY]), "entity_id").unique("_party")


def link_party(party: dict[str, pl.Expr], known: pl.DataFrame) -> pl.Expr:
    """Return the entity_id of who the expressions of PARTY name, by `known` (see `name_entities`); null where they name nobody."""
    return join_party(list(party.values())).replace_strict(known["_party"], known["entity_id"], default=None, return_dtype=pl.String)


def join_party(party: list[pl.Expr]) -> pl.Expr:
    """Return one text of what a party says of itself, from its expressions of PARTY."""
    return pl.concat_str([each.str.strip_chars().fill_null("") for each in party], separator="\x1f").alias("_party")
