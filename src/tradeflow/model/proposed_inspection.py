"""Which declarations of watched goods to inspect: those that leads name, and a share drawn by chance that keeps the figures honest."""

from __future__ import annotations

import polars as pl

from tradeflow.contract import load_contract
from tradeflow.model.inspection import inspection_ground

_DECLARATION = ["snapshot_id", "declaration_id"]


def propose_item_inspections(
    company_item: pl.DataFrame, named: pl.DataFrame, scored_start: int, *, inspected_share: float, audit_share: float, seed: int
) -> pl.DataFrame:
    """Return `proposed_inspection`; named: _DECLARATION and lead_rank of the declarations that leads name.

    `audit_share` of the inspections are drawn from all declarations of watched goods of the scored months, whatever the leads say of them:
    the share of true ones among these, beside that among the ranked, is what the list is worth.
    """
    declarations = _list_declarations(company_item.filter(pl.col("period") >= scored_start))
    best = named.group_by(_DECLARATION).agg(pl.col("lead_rank").min().cast(pl.Int32).alias("best_lead_rank"))
    ranked = declarations.join(best, on=_DECLARATION, how="left").sort("best_lead_rank", *_DECLARATION, nulls_last=True)
    ids = ranked.select(pl.concat_str(_DECLARATION, separator=":")).to_series()
    urgency = ranked.select((1 / pl.col("best_lead_rank")).fill_null(0.0)).to_series().to_numpy()
    ground = inspection_ground(ids, urgency, inspected_share=inspected_share, audit_share=audit_share, seed=seed)
    # Where leads name fewer declarations than can be inspected, the rest are nobody's.
    is_proposed = pl.col("inspection_ground").is_not_null() & ((pl.col("inspection_ground") == "random") | (pl.col("best_lead_rank") > 0))
    proposed = ranked.with_columns(ground.alias("inspection_ground")).filter(is_proposed.fill_null(value=False))
    return proposed.select([pl.col(name).cast(dtype) for name, dtype in load_contract("proposed_inspection").schema.items()])


def _list_declarations(items: pl.DataFrame) -> pl.DataFrame:
    own = ["source", "reporter_code", "declaration_date", "importer_entity_id", "exporter_entity_id"]
    substances = pl.col("substance_code").unique().sort().str.join(";").alias("substances")
    return items.sort("row_number").group_by(_DECLARATION, maintain_order=True).agg(pl.col(own).first(), substances)
