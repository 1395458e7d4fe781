"""Tax and registry numbers in one form; what stands where a number should and is none counts as no number."""

from __future__ import annotations

import polars as pl

_SHORTEST = 5
_FEWEST_DIGITS = 3


def plain_number(tax_number: pl.Expr, placeholders: pl.Series) -> pl.Expr:
    """Return letters and digits of a number without leading zeros, which tables lose; null where it is a placeholder or no number.

    A placeholder stands in code list `number_placeholder`, repeats one sign (0000, 99999), is shorter than five signs or has fewer than
    three digits.
    """
    signs = tax_number.cast(pl.String).str.normalize("NFKC").str.to_uppercase().str.replace_all("[^A-Z0-9]", "").str.replace("^0+", "")
    same_sign = signs.str.strip_chars(signs.str.slice(0, 1)) == ""
    is_number = (
        (signs.str.len_chars() >= _SHORTEST)
        & (signs.str.count_matches("[0-9]") >= _FEWEST_DIGITS)
        & ~same_sign
        & ~signs.is_in(placeholders.implode())
    )
    return pl.when(is_number).then(signs)
