"""What the settings narrow a run to: substances of the public list and of a private one, their codes, what stands outside."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from tradeflow.contract import load_codelist
from tradeflow.exceptions import SettingsError
from tradeflow.settings import Watch

_CODES = ("commodity_code_hs2012", "commodity_code_hs2017", "commodity_code_hs2022")


def list_substances(watch: Watch) -> pl.DataFrame:
    """Return code list `substance` with the rows of the private list below it."""
    public = load_codelist("substance")
    return public if watch.overlay is None else pl.concat([public, _read_overlay(watch.overlay, public.schema)], how="diagonal")


def watched_commodities(watch: Watch) -> tuple[str, ...]:
    """Return the HS codes that a run looks at, those of its substances in every edition among them; none where it looks at all.

    SettingsError where a substance is not listed or has no code.
    """
    if not watch.substances:
        return watch.commodities
    listed = list_substances(watch).filter(pl.col("substance_code").is_in(watch.substances))
    coded = listed.unpivot(_CODES, index="substance_code").drop_nulls("value")
    if unknown := [each for each in watch.substances if each not in coded["substance_code"]]:
        raise SettingsError(
            f"watch.substances: {', '.join(unknown)} is no substance with an HS code; data_contracts/codelists/substance.csv lists them"
        )
    return tuple(sorted({*watch.commodities, *coded["value"]}))


def keep_watched_companies(candidates: pl.DataFrame, watch: Watch) -> pl.DataFrame:
    """Keep candidates on companies within the substances (or, where none is named, their families), the areas and the time of the watch."""
    kept = candidates
    if watch.substances:
        listed = list_substances(watch).filter(pl.col("substance_code").is_in(watch.substances))
        families = listed["family"].drop_nulls().str.split(";").explode().unique().to_list()
        in_family = pl.col("family").str.split(";").list.eval(pl.element().is_in(families)).list.any()
        of_substance = pl.col("substance_code").is_in(watch.substances)
        kept = kept.filter(pl.when(pl.col("substance_code").is_null()).then(in_family).otherwise(of_substance))
    if watch.reporters:
        kept = kept.filter(pl.col("reporter_code").is_null() | pl.col("reporter_code").is_in(watch.reporters))
    return kept if watch.first_period is None else kept.filter(pl.col("period") >= watch.first_period)


def _read_overlay(path: Path, public: pl.Schema) -> pl.DataFrame:
    """Read a private list; SettingsError where it lacks what a watched code needs."""
    needed = ("substance_code", "commodity_code_hs2022", "has_own_commodity_code")
    try:
        overlay = pl.read_csv(path, infer_schema=False)
        lacking = [name for name in needed if name not in overlay.columns]
        if not lacking:
            truth = pl.col("has_own_commodity_code").str.to_lowercase().replace_strict({"true": True, "false": False})
            known = overlay.select(name for name in overlay.columns if name in public)
            return known.with_columns(truth).cast({name: dtype for name, dtype in public.items() if name in known.columns})
        fault = f"it lacks {', '.join(lacking)}"
    except (pl.exceptions.PolarsError, OSError) as error:
        fault = str(error).splitlines()[0]
    raise SettingsError(
        f"watch.overlay {path}: not a list of substances: {fault}; it needs {', '.join(needed)} (true or false), "
        "as data_contracts/codelists/substance.csv has them"
    )
