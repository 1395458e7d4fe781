"""How far each reporter of anyone's own table is to be believed, in contract `own_reporter`."""

from __future__ import annotations

import numpy as np
import polars as pl

from tradeflow.contract import load_contract
from tradeflow.reconcile.fit import MirrorModel
from tradeflow.reconcile.reporter_table import EVERYTHING, reporter_rows
from tradeflow.reconcile.sides import Ints, Sides


def number_groups(commodities: pl.Series) -> tuple[Ints, pl.Series]:
    """Return the number of each commodity's product group, and their names: HS chapters where all are codes of digits, else one group."""
    if not commodities.str.contains(r"^\d{4,}$").all():
        return np.zeros(len(commodities), np.intp), pl.Series([EVERYTHING])
    chapters = commodities.str.head(2)
    return (chapters.rank("dense") - 1).to_numpy().astype(np.intp), chapters.unique().sort()


def list_reporters(sample: Sides, model: MirrorModel, groups: pl.Series) -> pl.DataFrame:
    """Return a row per reporter, role, measure and product group, the steadiest first; sample: the pairs that the model was fitted on."""
    rows = reporter_rows(sample, model, groups).rename({"reporter_code": "reporter"})
    contract = load_contract("own_reporter")
    told = rows.select(pl.col(column.name).cast(column.dtype) for column in contract.columns)
    is_part = pl.col("product_group") != EVERYTHING
    # A table of one group says the same twice.
    once = told.unique(contract.unique_keys[0], keep="first", maintain_order=True)
    return once.sort("flow_code", "measure", is_part, "product_group", "log_error_sigma", "reporter")
