"""Anyone's table of reported trade in; one row per exporter, importer, commodity and period with both sides reconciled, out.

The table is read twice and a large one never held whole: its rows are laid down by ranges of commodities, in memory and then on disk, each
part is paired, a bounded sample of the pairs is fitted, each part is scored and appended to the result, which takes its name when it is
complete.
"""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tradeflow.exceptions import SourceError
from tradeflow.own_table.appending import Appending, open_table
from tradeflow.own_table.distances import read_distances
from tradeflow.own_table.monthly import Coverage, Lags, fit_lags, number_months, read_months
from tradeflow.own_table.pair_columns import pair_columns
from tradeflow.own_table.partition import KeySpace, Spill, divide_commodities
from tradeflow.own_table.reporters import list_reporters, number_groups
from tradeflow.own_table.silent_side import SilentSides
from tradeflow.own_table.trade_pairs import as_sides, pair_reports
from tradeflow.own_table.trade_reading import TradeTable, open_trade_table, read_batches
from tradeflow.own_table.writing import beside, refuse_name, write_table
from tradeflow.reconcile.fit import MirrorModel, fit_mirror_model
from tradeflow.reconcile.gap_sample import choose_commodities, corridor_rates, sample_corridors
from tradeflow.reconcile.measure import ReconcileOptions
from tradeflow.reconcile.score import score_sides
from tradeflow.reconcile.sides import Sides, join_sides

FLAG_P = 0.01
_NAMED = 5


@dataclass
class Reconciled:
    """What was done to one table."""

    rows_read: int = 0
    pairs: int = 0
    two_sided: int = 0
    flagged: int = 0
    """Two-sided pairs of which the importer recorded less, with p_value below 1%."""
    explained: int = 0
    no_months: list[str] = field(default_factory=list)
    """Periods that are no months in a table that has months: their sides are compared as reported."""
    corridors: int = 0
    distances_known: int | None = None
    """Of `corridors`; None where no distances were given."""
    reporters: int = 0
    reporters_path: Path | None = None
    set_aside: Counter[str] = field(default_factory=Counter)
    set_aside_path: Path | None = None
    cpu_seconds: dict[str, float] = field(default_factory=dict)


class _Clock:
    """Adds up CPU seconds by step."""

    def __init__(self, seconds: dict[str, float]) -> None:
        self._seconds, self._since = seconds, time.process_time()

    def book(self, step: str) -> None:
        now = time.process_time()
        self._seconds[step] = self._seconds.get(step, 0.0) + now - self._since
        self._since = now


def reconcile_own_table(given: Path, out: Path, distances: Path | None = None, options: ReconcileOptions | None = None) -> Reconciled:
    """Reconcile `given` into `out` (CSV or Parquet, as their names say); rows that cannot be used go to a file beside `out`.

    SourceError where nothing can be done; a result that stands is only replaced by a complete one.
    """
    refuse_name(out)
    done = Reconciled()
    clock = _Clock(done.cpu_seconds)
    table = open_trade_table(given)
    clock.book("look")
    space = KeySpace(len(table.areas), max(len(table.commodities), 1), max(len(table.periods), 1))
    part_of = divide_commodities(table.commodity_rows.to_numpy())
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".unfinished-", dir=out.parent) as folder:
        rows, aside = Spill(Path(folder), "rows", part_of), open_table(_aside_name(out), only_if_rows=True)
        with aside:
            for usable, unusable in read_batches(table, space):
                done.rows_read += usable.height + unusable.height
                done.set_aside.update(dict(unusable["reason"].value_counts().iter_rows()))
                aside.append(unusable)
                rows.append(usable.drop("commodity"), usable["commodity"].to_numpy())
            clock.book("read")
            months = read_months(table.periods)
            done.no_months = [] if months is None else table.periods.filter(months.is_null()).to_list()
            coverage = None if months is None else Coverage(months)
            silent = SilentSides(space, None if months is None else number_months(months), (options or ReconcileOptions()).threshold_usd)
            pairs, counts = _pair_parts(rows, Spill(Path(folder), "pairs", part_of), space, done, aside, table, coverage, silent)
            clock.book("pair")
        done.set_aside_path = _aside_name(out) if done.set_aside else None
        if not done.pairs:
            raise SourceError(f"{given}: none of its {done.rows_read:,} rows can be used: {_most_common(done.set_aside)}")
        groups, group_names = number_groups(table.commodities)
        distance_km = None if distances is None else read_distances(distances, table.areas, counts.corridor_keys)
        done.corridors = len(counts.corridor_keys)
        done.distances_known = None if distance_km is None else int(np.isfinite(distance_km).sum())
        options = options or ReconcileOptions()
        lags = None if coverage is None else _fit_lags(pairs, counts, space, groups, coverage, distance_km, options)
        clock.book("lags")
        reasons = Spill(Path(folder), "reasons", part_of)
        model, sample = _fit(pairs, counts, space, table, groups, distance_km, options, lags, silent, reasons)
        reporters = list_reporters(sample, model, group_names)
        del sample
        clock.book("fit")
        with open_table(out) as result:
            for part in pairs.parts:
                pair = pairs.read(part)
                sides = _read_sides(pair, space, groups, lags)
                scores = score_sides(sides, model)
                clock.book("score")
                columns = pair_columns(pair, sides, scores, silent.tell(pair, reasons.read(part).to_series()), table, lags)
                done.flagged += int((scores.p_value < FLAG_P).sum())
                done.explained += int((scores.match.kind > 0).sum())
                result.append(columns)
                for spill in (pairs, reasons):
                    spill.remove(part)
                clock.book("write")
    done.reporters, done.reporters_path = reporters["reporter"].n_unique(), beside(out, f"reporters{out.suffix}")
    write_table(reporters, done.reporters_path)
    return done


def _aside_name(out: Path) -> Path:
    return beside(out, f"set_aside{out.suffix}")


def _most_common(reasons: Counter[str]) -> str:
    return "; ".join(f"{reason} ({count:,})" for reason, count in reasons.most_common(3))


@dataclass(frozen=True)
class _Counts:
    """How many two-sided pairs each corridor has, and how many pairs each commodity."""

    corridor_keys: NDArray[np.intp]
    two_sided: NDArray[np.intp]
    of_commodity: NDArray[np.intp]


def _pair_parts(
    rows: Spill,
    pairs: Spill,
    space: KeySpace,
    done: Reconciled,
    aside: Appending,
    table: TradeTable,
    coverage: Coverage | None,
    silent: SilentSides,
) -> tuple[Spill, _Counts]:
    keys, counts = np.empty(0, np.intp), np.empty(0, np.intp)
    of_commodity = np.zeros(space.commodities, np.intp)
    for part in rows.parts:
        given = rows.read(part)
        rows.remove(part)
        paired, doubles = pair_reports(given, space)
        if doubles.height:
            aside.append(_tell_doubles(given, doubles, space, table))
            done.set_aside["repeats another row in every figure"] += doubles.height
        pairs.append_to(part, paired)
        silent.note(paired)
        if coverage is not None:
            coverage.add(paired)
        corridor = paired["exporter"].to_numpy().astype(np.intp) * space.areas + paired["importer"].to_numpy()
        is_two_sided = np.isfinite(paired["export_value_usd"].to_numpy() + paired["import_value_usd"].to_numpy())
        keys, counts = _add_counts(keys, counts, corridor, is_two_sided)
        of_commodity += np.bincount(paired["commodity"].to_numpy(), minlength=space.commodities)
        done.pairs += paired.height
        done.two_sided += int(is_two_sided.sum())
    return pairs, _Counts(keys, counts, of_commodity)


def _add_counts(
    keys: NDArray[np.intp], counts: NDArray[np.intp], corridor: NDArray[np.intp], is_two_sided: NDArray[np.bool_]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    own, place = np.unique(corridor, return_inverse=True)
    merged, where = np.unique(np.concatenate([keys, own]), return_inverse=True)
    weights = np.concatenate([counts, np.bincount(place, is_two_sided, len(own))])
    return merged, np.bincount(where, weights, len(merged)).astype(np.intp)


def _tell_doubles(given: pl.DataFrame, doubles: pl.DataFrame, space: KeySpace, table: TradeTable) -> pl.DataFrame:
    """Return the repeated rows under the table's own labels, with the reason."""
    repeated = given.join(doubles, on="row_number", how="semi").sort("row_number")
    keys = repeated["key"].to_numpy()
    rows = repeated.with_columns(*pl.DataFrame(space.unpack(keys >> 1)), pl.Series("is_export", keys & 1 == 1))
    reporter = pl.when("is_export").then("exporter").otherwise("importer")
    partner = pl.when("is_export").then("importer").otherwise("exporter")
    places = rows.select("commodity", "period", reporter=reporter, partner=partner)
    period = table.periods.gather(places["period"]) if len(table.periods) else pl.Series([None] * rows.height, dtype=pl.String)
    return rows.select(
        "row_number",
        pl.lit("repeats another row in every figure").alias("reason"),
        pl.when("is_export").then(pl.lit("X")).otherwise(pl.lit("M")).alias("flow_code"),
        table.areas.gather(places["reporter"]).alias("reporter"),
        table.areas.gather(places["partner"]).alias("partner"),
        table.commodities.gather(places["commodity"]).alias("commodity"),
        pl.col("value_usd", "net_weight_kg").fill_nan(None).cast(pl.String),
        period.alias("period"),
    )


def _read_sides(pairs: pl.DataFrame, space: KeySpace, groups: NDArray[np.intp], lags: Lags | None) -> Sides:
    sides = as_sides(pairs, space, groups)
    return sides if lags is None else lags.align(sides, pairs)


def _fit_lags(
    pairs: Spill,
    counts: _Counts,
    space: KeySpace,
    groups: NDArray[np.intp],
    coverage: Coverage,
    distance_km: NDArray[np.float64] | None,
    options: ReconcileOptions,
) -> Lags | None:
    """Fit on whole routes: all pairs of some commodities."""
    chosen = choose_commodities(counts.of_commodity)
    read = (pairs.read(part) for part in pairs.parts)
    markets = pl.concat([part.filter(pl.Series(chosen[part["commodity"].to_numpy()])) for part in read])
    return fit_lags(as_sides(markets, space, groups), markets, coverage, space, counts.corridor_keys, distance_km, options)


def _fit(
    pairs: Spill,
    counts: _Counts,
    space: KeySpace,
    table: TradeTable,
    groups: NDArray[np.intp],
    distance_km: NDArray[np.float64] | None,
    options: ReconcileOptions,
    lags: Lags | None,
    silent: SilentSides,
    reasons: Spill,
) -> tuple[MirrorModel, Sides]:
    """Return what is usual, and the sample of pairs that it was learnt from; write why sides are silent to `reasons`."""
    rates, chosen = corridor_rates(counts.two_sided), choose_commodities(counts.of_commodity)
    sampled: list[Sides] = []
    markets: list[Sides] = []
    for part in pairs.parts:
        pair = pairs.read(part)
        reasons.append_to(part, silent.count(pair).to_frame())
        sides = _read_sides(pair, space, groups, lags)
        is_sampled = sample_corridors(sides, counts.corridor_keys, space.areas, rates)
        for taken, chosen_rows in ((sampled, is_sampled), (markets, chosen[sides.commodity])):
            taken.append(sides.take(np.flatnonzero(chosen_rows)))
    sample = join_sides(sampled)
    model = fit_mirror_model(sample, join_sides(markets), table.areas, counts.corridor_keys, space.commodities, options, distance_km)
    return model, sample


def summarise(done: Reconciled, out: Path) -> list[str]:
    """Return what a person reads after a run: rows and pairs in and out, the rows set aside by reason, and the share of each step."""
    lines = [
        f"{done.rows_read:,} rows read; {done.pairs:,} pairs in {out}, {done.two_sided:,} of them two-sided",
        f"{done.flagged:,} two-sided pairs of which the importer recorded less than is usual at p < {FLAG_P:.0%} (about "
        f"{done.two_sided * FLAG_P:,.0f} expected by chance); {done.explained:,} gaps explained by another partner's report",
    ]
    if done.reporters:
        lines.append(f"how far the figures of {done.reporters:,} reporters scatter, the steadiest first, in {done.reporters_path}")
    lines += _notes(done)
    if done.set_aside_path is not None:
        lines.append(f"{done.set_aside.total():,} rows set aside in {done.set_aside_path}:")
        lines += [f"  {reason}: {count:,}" for reason, count in done.set_aside.most_common()]
    whole = sum(done.cpu_seconds.values())
    shares = ", ".join(f"{step} {seconds:.1f} ({seconds / whole:.0%})" for step, seconds in done.cpu_seconds.items())
    lines.append(f"CPU seconds: {shares}; {done.rows_read / whole / 1e6:.2f} million rows per CPU second")
    return lines


def _notes(done: Reconciled) -> list[str]:
    """Return what of the table keeps its pairs from being compared as well as they might be."""
    notes = []
    if not done.two_sided:
        notes.append("no pair has both sides, so none can be scored: are reporters and partners labelled alike?")
    if done.no_months:
        named = ", ".join(done.no_months[:_NAMED]) + (", ..." if len(done.no_months) > _NAMED else "")
        notes.append(f"periods that are no months beside others that are ({named}): their sides are compared as reported")
    if done.distances_known is not None and done.distances_known < done.corridors:
        notes.append(f"distances known of {done.distances_known:,} of {done.corridors:,} corridors; the others borrow from all")
    return [f"note: {note}" for note in notes]
