"""Trade with "areas not specified" (NES): shared out among the partners who report more than the reporter does, as far as that goes.

The rule is BACI's (Gaulier and Zignago 2010): of a reporter's NES figure for a code and period, at most what the partners' reports exceed
its own, in proportion to that. So no gap between two sides grows, and none changes its sign. The amounts stand beside the reported figures,
never in them. What nobody's report claims stays unlocated.
"""

from __future__ import annotations

import polars as pl

_CELL = ["freq_code", "period", "commodity_code"]
_SIDES = {
    # side: (whose report it is, whom it names, what the other side is called, the flow)
    "export": ("exporter_code", "importer_code", "import", "X"),
    "import": ("importer_code", "exporter_code", "export", "M"),
}
_MEASURES: dict[str, dict[str, pl.Expr]] = {
    "value_usd": {"export": pl.col("export_value_usd"), "import": pl.col("import_fob_value_usd")},
    "kg": {side: pl.when(~pl.col(f"is_{side}_weight_out_of_scale")).then(pl.col(f"{side}_net_weight_kg")) for side in _SIDES},
}
"""Both sides on one basis: FOB, and weights of the right order of magnitude."""


def reallocate_unspecified(pairs: pl.DataFrame, areas: pl.DataFrame) -> pl.DataFrame:
    """Add export_nes_value_usd, import_nes_value_usd, export_nes_kg, import_nes_kg and nes_label; the same rows in the same order.

    pairs: `mirror_pair` as far as its values are FOB and its weights judged. areas: the code list. On a named pair: the part of the
    reporter's NES figure that is put to it. On a pool's row: minus what was taken out, so each column sums to zero over a reporter, code
    and period. Value and weight are shared each by its own gaps. Null where nothing moves. A pool that names a region or a use (bunkers) is
    left whole.
    """
    numbered = pairs.with_row_index("_row")
    for measure, own in _MEASURES.items():
        for side in _SIDES:
            moved = _moved_amounts(numbered, areas, side, own).rename({"_moved": f"{side}_nes_{measure}"})
            numbered = numbered.join(moved, on="_row", how="left", maintain_order="left")
    return numbered.with_columns(_label()).drop("_row")


def _moved_amounts(pairs: pl.DataFrame, areas: pl.DataFrame, side: str, measure: dict[str, pl.Expr]) -> pl.DataFrame:
    """Return _row, _moved of the pairs and the pool rows of every reporter, code and period where something moves."""
    reporter, partner, other, _ = _SIDES[side]
    cell, own = [*_CELL, reporter], measure[side]
    pools, of_any_partner = _pool_codes(areas), areas.filter("is_any_partner")["area_code"].implode()
    nes = pairs.filter(pl.col(partner).is_in(of_any_partner) & (own > 0)).select("_row", *cell, own.alias("_nes"))
    named = pairs.join(nes.select(cell).unique(), on=cell, how="semi").filter(
        ~pl.col(partner).is_in(pools) & ~pl.col(reporter).is_in(pools)
    )
    missing = pl.when(_is_known(side, own)).then(measure[other] - own.fill_null(0)).alias("_missing")
    lacking = named.select("_row", *cell, missing).filter(pl.col("_missing") > 0)
    all_nes = nes.group_by(cell).agg(pl.col("_nes").sum().alias("_all_nes"))
    totals = all_nes.join(lacking.group_by(cell).agg(pl.col("_missing").sum().alias("_all_missing")), on=cell)
    amount = pl.min_horizontal("_all_nes", "_all_missing")
    given = lacking.join(totals, on=cell).select("_row", (pl.col("_missing") * (amount / pl.col("_all_missing"))).alias("_moved"))
    taken = nes.join(totals, on=cell).select("_row", (-pl.col("_nes") * (amount / pl.col("_all_nes"))).alias("_moved"))
    return pl.concat([given, taken])


def _pool_codes(areas: pl.DataFrame) -> pl.Series:
    return areas.filter(pl.col("area_class") == "pool")["area_code"].implode()


def _is_known(side: str, own: pl.Expr) -> pl.Expr:
    """Where a side reports the trade without a weight, how much of the weight is missing cannot be said."""
    return own.is_not_null() | pl.col(f"{side}_value_usd").is_null()


def _label() -> pl.Expr:
    by_exporter, by_importer = (
        pl.any_horizontal(pl.col(f"{side}_nes_{measure}").is_not_null() for measure in _MEASURES) for side in _SIDES
    )
    return (
        pl.when(by_exporter & by_importer).then(pl.lit("both_unspecified"))
        .when(by_exporter).then(pl.lit("exporter_unspecified"))
        .when(by_importer).then(pl.lit("importer_unspecified"))
        .alias("nes_label")
    )  # fmt: skip


def derive_unlocated_pools(pairs: pl.DataFrame, areas: pl.DataFrame) -> pl.DataFrame:
    """Return the `unlocated_trade` rows of unlocated_kind partner_pool: each NES figure, what the mirrors located of it, and the rest.

    pairs: as `reallocate_unspecified` returns them. Values are FOB; a figure without one (an import of value 0) has no row.
    """
    parts = [
        pairs.filter(pl.col(partner).is_in(_pool_codes(areas)) & _MEASURES["value_usd"][side].is_not_null()).select(
            "freq_code", "period", pl.col(reporter).alias("reporter_code"), pl.lit(flow_code).alias("flow_code"),
            pl.col(partner).alias("partner_code"), "commodity_code", pl.lit("partner_pool").alias("unlocated_kind"),
            *_split(_MEASURES["value_usd"][side], f"{side}_nes_value_usd", "value_usd"),
            *_split(_MEASURES["kg"][side], f"{side}_nes_kg", "net_weight_kg"),
        )
        for side, (reporter, partner, _, flow_code) in _SIDES.items()
    ]  # fmt: skip
    return pl.concat(parts).with_columns(_pool_label())


def _split(whole: pl.Expr, moved: str, measure: str) -> list[pl.Expr]:
    located = -pl.col(moved).fill_null(0)
    return [
        whole.alias(f"whole_{measure}"),
        pl.when(whole.is_not_null()).then(located).alias(f"located_{measure}"),
        (whole - located).clip(lower_bound=0).alias(f"unlocated_{measure}"),
    ]


def _pool_label() -> pl.Expr:
    located, rest = pl.col("located_value_usd"), pl.col("unlocated_value_usd")
    return (
        pl.when(located == 0).then(pl.lit("no_missing_mirror"))
        .when(rest > 0).then(pl.lit("partly_located"))
        .otherwise(pl.lit("wholly_located"))
        .alias("unlocated_label")
    )  # fmt: skip
