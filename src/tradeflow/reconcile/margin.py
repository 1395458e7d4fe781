"""What a row itself says about its margin between CIF and FOB."""

from __future__ import annotations

import polars as pl


def known_margin(fob_reporters: pl.Series) -> pl.Expr:
    """Return ln(CIF / FOB) of a pair whose import row carries both values, 0 where the importer publishes FOB, else null."""
    return (
        pl.when(has_both_values()).then((pl.col("_import_cif_usd") / pl.col("_import_fob_usd")).log())
        .when(pl.col("importer_code").is_in(fob_reporters.implode())).then(0.0)
    )  # fmt: skip


def has_both_values() -> pl.Expr:
    """Return whether the import row carries a CIF and a FOB value that can stand beside each other."""
    cif, fob = pl.col("_import_cif_usd"), pl.col("_import_fob_usd")
    # A CIF below its FOB, or more than doubled, is a slip in one of the two: it is no evidence of a margin.
    return ((fob > 0) & (cif >= fob) & (cif <= 2 * fob)).fill_null(value=False)


def valuation_basis(fob_reporters: pl.Series) -> pl.Expr:
    """Return the label that says how the importer's value was brought to FOB."""
    return (
        pl.when(pl.col("import_value_usd").is_null()).then(pl.lit("no_import_report"))
        .when(has_both_values()).then(pl.lit("both_values_reported"))
        .when(pl.col("importer_code").is_in(fob_reporters.implode())).then(pl.lit("importer_reports_fob"))
        .otherwise(pl.lit("margin_estimated"))
        .alias("valuation_basis")
    )  # fmt: skip
