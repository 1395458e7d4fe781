"""Sums that keep apart what is nothing and what nobody stated."""

from __future__ import annotations

import polars as pl


def sum_known(column: str | pl.Expr) -> pl.Expr:
    """Sum what is stated of a column; empty where nothing is, where polars would say 0."""
    stated = pl.col(column) if isinstance(column, str) else column
    return pl.when(stated.count() > 0).then(stated.sum())
