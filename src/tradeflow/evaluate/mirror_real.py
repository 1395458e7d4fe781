"""Real monthly figures with one side's later reports held out; history and the shown side in, predictions and figures out."""

from __future__ import annotations

import datetime as dt
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from tradeflow.conform import state_in_newest_edition
from tradeflow.contract import load_codelist
from tradeflow.evaluate.mirror_judges import LEVELS
from tradeflow.lake import Lake, read_table
from tradeflow.pull.files import pull_files
from tradeflow.reconcile.pairs import PAIR_KEY, pair_mirror_flows
from tradeflow.steps.ingest import conform_snapshots

CORRIDOR = ["exporter_code", "importer_code"]
FLOW = [*CORRIDOR, "commodity_code"]
SETS = {"comtrade_monthly_2008_2018": "monthly 2008-2018, 18 codes", "comtrade_monthly_newapi": "monthly 2000-2024, 12 fish codes"}
QUICK_CODES = {"comtrade_monthly_2008_2018": ["282760", "030235"], "comtrade_monthly_newapi": ["030232", "030343"]}
LAST_FITTED_YEAR = 2015
MEASURES = {"value": ("export_value_usd", "import_value_usd"), "kg": ("export_net_weight_kg", "import_net_weight_kg")}
PREDICTED = {"value": "predicted_value_usd", "kg": "predicted_net_weight_kg"}

Predict = Callable[[pl.DataFrame, pl.DataFrame], pl.DataFrame]
"""history and the shown side's rows in; the rows with a prediction and its intervals out, in any order."""


@dataclass(frozen=True)
class HeldOut:
    """One experiment: what may be known, what is shown, and what is hidden.

    history: pairs with both sides as they stood at the end of the year before the first judged one. shown: later pairs whose `hidden` side
    is null. truth: the hidden side of these.
    """

    hidden: str
    first_year: int
    history: pl.DataFrame
    shown: pl.DataFrame
    truth: pl.DataFrame


def read_real_pairs(folder: Path, codes: list[str] | None = None) -> pl.DataFrame:
    """Take a folder of source files through pull, validate and conform, and pair its monthly rows; only `codes` where they are named."""
    with tempfile.TemporaryDirectory(prefix="tradeflow-evaluate-") as scratch:
        given = folder if codes is None else _write_codes(folder, codes, Path(scratch) / "given")
        lake = Lake(Path(scratch) / "lake")
        pull_files(lake, given, now=dt.datetime(dt.MAXYEAR, 1, 1, tzinfo=dt.UTC), report_progress=lambda _: None)
        conform_snapshots(lake)
        rows = state_in_newest_edition(read_table(lake, "trade_flow"), load_codelist("hs_concordance"))
        pairs = pair_mirror_flows(rows.filter(pl.col("freq_code") == "M"))
    sides = [name for names in MEASURES.values() for name in names]
    return pairs.select(*PAIR_KEY, *sides).with_columns(pl.col("freq_code", "commodity_code").cast(pl.String))


def _write_codes(folder: Path, codes: list[str], given: Path) -> Path:
    given.mkdir()
    for path in folder.glob("*.parquet"):
        rows = pl.scan_parquet(path)
        name = next(each for each in rows.collect_schema().names() if each in ("commodity_code", "cmd_code"))
        rows.filter(pl.col(name).cast(pl.String).is_in(codes)).sink_parquet(given / path.name)
    return given


def hold_out(pairs: pl.DataFrame, hidden: str, first_year: int, last_year: int) -> HeldOut:
    """Hide the "import" or "export" side of the years judged; of the years after them nothing is known at all."""
    year = pl.col("period") // 100
    names = [pair[hidden == "import"] for pair in MEASURES.values()]
    other = [pair[hidden == "export"] for pair in MEASURES.values()]
    judged = pairs.filter(year.is_between(first_year, last_year) & pl.any_horizontal(pl.col(other).is_not_null()))
    shown = judged.with_columns(pl.lit(None, pl.Float64).alias(name) for name in names)
    return HeldOut(hidden, first_year, pairs.filter(year < first_year), shown, judged.select(*PAIR_KEY, *names))


def held_out_years(pairs: pl.DataFrame, *, rolling: bool) -> Iterator[HeldOut]:
    """Yield the experiments of both directions: one with the fit frozen, or one per later year with the hidden side known up to it."""
    last = int(pairs["period"].to_numpy().max()) // 100
    for hidden in ("import", "export"):
        if not rolling:
            yield hold_out(pairs, hidden, LAST_FITTED_YEAR + 1, last)
            continue
        for year in range(LAST_FITTED_YEAR + 1, last + 1):
            yield hold_out(pairs, hidden, year, year)


def predict_simply(experiment: HeldOut, measure: str) -> pl.DataFrame:
    """Return `PAIR_KEY`, year, log_shown, log_true and one column per simple method: its predicted logarithm of the hidden side.

    Only rows of which both sides carry the measure. Medians of ln(hidden / shown) come from `history` and fall back from corridor and code
    to the corridor, the hidden side's reporter, and all.
    """
    past = _log_ratios(experiment.history, experiment.hidden, measure)
    rows = _judged_rows(experiment, measure)
    reporter = "importer_code" if experiment.hidden == "import" else "exporter_code"
    for name, key in {"_flow": FLOW, "_corridor": CORRIDOR, "_reporter": [reporter]}.items():
        medians = past.group_by(key).agg(pl.col("_ratio").median().alias(name), pl.len().alias(f"{name}_n"))
        rows = rows.join(medians, on=key, how="left", maintain_order="left")
    overall = past["_ratio"].median() or 0.0
    rows = _join_same_month(rows, experiment, measure)
    shown = pl.col("log_shown")
    reporter_ratio = pl.col("_reporter").fill_null(overall)
    corridor_ratio = pl.col("_corridor").fill_null(reporter_ratio)
    factor = 1.06 if experiment.hidden == "import" else 1 / 1.06
    methods = {
        "other side as it is": shown,
        "other side, 1.06": shown + pl.lit(factor).log() * (measure == "value"),
        "reporter's median ratio": shown + reporter_ratio,
        "corridor's median ratio": shown + corridor_ratio,
        "corridor and code's median ratio": shown + pl.col("_flow").fill_null(corridor_ratio),
        "median ratios, shrunk": shown + _shrink("_flow", _shrink("_corridor", reporter_ratio)),
        "same month a year before": pl.col("_log_before").fill_null(shown),
        "mean of it and other side": (pl.col("_log_before").fill_null(shown) + shown) / 2,
    }
    return rows.with_columns(**methods).drop(pl.selectors.starts_with("_"))


SIMPLE_METHODS = (
    "other side as it is", "other side, 1.06", "reporter's median ratio", "corridor's median ratio", "corridor and code's median ratio",
    "median ratios, shrunk", "same month a year before", "mean of it and other side",
)  # fmt: skip
_SHRINKING_FLOWS = 5


def _shrink(name: str, towards: pl.Expr) -> pl.Expr:
    count = pl.col(f"{name}_n").fill_null(0)
    return (count * pl.col(name).fill_null(0) + _SHRINKING_FLOWS * towards) / (count + _SHRINKING_FLOWS)


def _sides(hidden: str, measure: str) -> tuple[str, str]:
    """Return the columns of the hidden and of the shown side."""
    export, imported = MEASURES[measure]
    return (imported, export) if hidden == "import" else (export, imported)


def _log_ratios(history: pl.DataFrame, hidden: str, measure: str) -> pl.DataFrame:
    own, other = _sides(hidden, measure)
    both = history.filter((pl.col(own) > 0) & (pl.col(other) > 0))
    return both.select(*FLOW, (pl.col(own) / pl.col(other)).log().alias("_ratio"))


def _judged_rows(experiment: HeldOut, measure: str) -> pl.DataFrame:
    own, other = _sides(experiment.hidden, measure)
    rows = experiment.shown.drop(own).join(experiment.truth.select(*PAIR_KEY, own), on=PAIR_KEY)
    both = rows.filter((pl.col(own) > 0) & (pl.col(other) > 0))
    return both.select(
        *PAIR_KEY, (pl.col("period") // 100).alias("year"), pl.col(other).log().alias("log_shown"), pl.col(own).log().alias("log_true")
    )


def _join_same_month(rows: pl.DataFrame, experiment: HeldOut, measure: str) -> pl.DataFrame:
    """Add _log_before: the hidden side's own figure of the same month of the last year that is known of it."""
    own, _ = _sides(experiment.hidden, measure)
    last_year = experiment.history.filter((pl.col("period") // 100 == experiment.first_year - 1) & (pl.col(own) > 0))
    before = last_year.select(*FLOW, (pl.col("period") % 100).alias("_month"), pl.col(own).log().alias("_log_before"))
    return rows.with_columns((pl.col("period") % 100).alias("_month")).join(before, on=[*FLOW, "_month"], how="left")


def judge_predictions(experiment: HeldOut, measure: str, predict: Predict | None) -> pl.DataFrame:
    """Return the rows of `predict_simply` with the column "tradeflow" and is_inside_50 ... of its intervals, where `predict` is given."""
    rows = predict_simply(experiment, measure)
    if predict is None:
        return rows
    name = PREDICTED[measure]
    bounds = {level: [f"{name}_{side}_{round(level * 100)}" for side in ("lower", "upper")] for level in LEVELS}
    told = predict(experiment.history, experiment.shown).select(*PAIR_KEY, name, *[each for pair in bounds.values() for each in pair])
    told = told.with_columns(pl.col("freq_code", "commodity_code").cast(pl.String))
    joined = rows.join(told, on=PAIR_KEY, how="left", maintain_order="left")
    true = pl.col("log_true").exp()
    inside = [
        true.is_between(pl.col(lower), pl.col(upper)).alias(f"is_inside_{round(level * 100)}") for level, (lower, upper) in bounds.items()
    ]
    return joined.with_columns(pl.col(name).log().alias("tradeflow"), *inside)


def summarise_predictions(rows: pl.DataFrame, by: list[str]) -> pl.DataFrame:
    """Return per group: rows, the median absolute log error of each method, and the share inside each interval."""
    methods = [name for name in (*SIMPLE_METHODS, "tradeflow") if name in rows.columns]
    error = [(pl.col(name) - pl.col("log_true")).abs().median().alias(name) for name in methods]
    inside = [pl.col(name).mean() for name in rows.columns if name.startswith("is_inside_")]
    return rows.group_by(by).agg(pl.len().alias("rows"), *error, *inside).sort(by)
