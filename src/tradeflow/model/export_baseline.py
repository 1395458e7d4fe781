"""What each exporter was expected to report of its routes: seen before the importer publishes, and where it never does."""

from __future__ import annotations

import polars as pl

from tradeflow.contract import load_contract
from tradeflow.model.baseline import fit_seasonal_baseline
from tradeflow.model.series_change import find_series_changes
from tradeflow.model.used_weight import use_import_weights

_SIDES = ("export", "import")
_TURNED_COLUMNS = ("{}er_code", "{}_value_usd", "{}_net_weight_kg", "is_{}_weight_out_of_scale")


def use_export_weights(pairs: pl.DataFrame) -> pl.DataFrame:
    """Return one row per route and period that its exporter reports, with net_weight_kg, primary_value_usd and weight_basis.

    `pairs`: contract `mirror_pair`. A missing weight is derived from the exporter's own unit values, never taken from the importer.
    """
    other = {"export": "import", "import": "export"}
    names = {column.format(side): column.format(other[side]) for column in _TURNED_COLUMNS for side in _SIDES}
    turned = pairs.rename(names).with_columns(is_export_weight_out_of_scale=pl.lit(value=True))
    return _turn_round(use_import_weights(turned))


def fit_export_baseline(
    exports: pl.DataFrame,
    coverage: pl.DataFrame,
    *,
    scored_periods: int,
    calibration_periods: int,
    min_history_periods: int,
    births: pl.DataFrame | None = None,
    workers: int = 2,
) -> pl.DataFrame:
    """Expect what each exporter reports of each route one period ahead; contract `baseline`, level `export`.

    Arguments as of `fit_seasonal_baseline`, of the exporters' reports; a period that the exporter has not published is not known. `births`:
    exporter_code, commodity_code, first_period.
    """
    routes = fit_seasonal_baseline(
        _turn_round(exports),
        _as_reports(coverage),
        scored_periods=scored_periods,
        calibration_periods=calibration_periods,
        min_history_periods=min_history_periods,
        births=None if births is None else births.rename({"exporter_code": "importer_code"}),
        workers=workers,
        levels=("flow",),
    )
    contract = load_contract("baseline")
    told = _turn_round(routes).with_columns(series_level=pl.lit("export", contract.schema["series_level"]))
    return told.select(contract.schema.names()).sort(contract.unique_keys[0])


def find_export_changes(
    exports: pl.DataFrame, coverage: pl.DataFrame, *, scored_periods: int, min_history_periods: int, births: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Judge half a year at a time what each exporter reports of each route; contract `series_change`, level `export`."""
    changes = find_series_changes(
        _turn_round(exports),
        _as_reports(coverage),
        scored_periods=scored_periods,
        min_history_periods=min_history_periods,
        births=None if births is None else births.rename({"exporter_code": "importer_code"}),
        levels=("flow",),
    )
    contract = load_contract("series_change")
    told = _turn_round(changes).with_columns(series_level=pl.lit("export", contract.schema["series_level"]))
    return told.select(contract.schema.names()).sort(contract.unique_keys[0])


def _as_reports(coverage: pl.DataFrame) -> pl.DataFrame:
    """Let what exporters have published stand where models read what importers have."""
    return coverage.filter(pl.col("flow_code") == "X").with_columns(flow_code=pl.lit("M", coverage.schema["flow_code"]))


def _turn_round(rows: pl.DataFrame) -> pl.DataFrame:
    """Let the exporter stand where models read the reporter, and back."""
    return rows.rename({"importer_code": "exporter_code", "exporter_code": "importer_code"})
