"""Trade that moved: to a neighbour, through a hub, to a less controlled code of the family."""

from __future__ import annotations

import polars as pl

from tradeflow.contract import load_contract
from tradeflow.reconcile.displacement import find_displacements
from tradeflow.reconcile.hub import find_detours
from tradeflow.reconcile.leg import Legs, lay_out_legs, sum_by_importer
from tradeflow.reconcile.substitution import find_substitutions


def find_share_shifts(
    pairs: pl.DataFrame,
    coverage: pl.DataFrame,
    starts: pl.DataFrame,
    neighbours: pl.DataFrame,
    hubs: pl.Series,
    step_downs: pl.DataFrame,
) -> pl.DataFrame:
    """Return `share_shift`, commodity by commodity, sorted by its key.

    pairs: `mirror_pair`. starts: freq_code, commodity_code, first_period (of which a move is told). neighbours: see
    `find_neighbours`. hubs: see `find_hubs`. step_downs: see `find_step_downs`.
    """
    contract = load_contract("share_shift")
    found = [contract.empty_frame()]
    families = set(step_downs["falling_code"]) | set(step_downs["rising_code"])
    imports: dict[str, dict[str, Legs]] = {}
    for legs in lay_out_legs(pairs, coverage, starts):
        found += [find_displacements(legs, neighbours), find_detours(legs, hubs)]
        if legs.commodity_code in families:
            imports.setdefault(legs.freq_code, {})[legs.commodity_code] = sum_by_importer(legs)
    found += [find_substitutions(of_freq, step_downs) for of_freq in imports.values()]
    return pl.concat(found).sort(contract.unique_keys[0])
