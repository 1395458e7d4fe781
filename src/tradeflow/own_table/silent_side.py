"""Why a side of anyone's own trade is silent, and how likely it would have reported, learnt from the table alone.

The reasons are those of `reconcile.absence`, where all pairs are in memory; here they come part by part, whole commodities each: to note
who reports what (`note`), then to find the reasons and count who misses what (`count`), then to be told (`tell`).
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tradeflow.contract import load_contract
from tradeflow.own_table.partition import KeySpace
from tradeflow.reconcile.absence import LAG_PERIODS, PRIOR_MISSES, SMALLEST_MISS, TELLING_PARTNERS
from tradeflow.reconcile.corridor import count_edges
from tradeflow.reconcile.sides import Floats, Ints

Flags = NDArray[np.bool_]

_REASONS = [str(word) for word in load_contract("own_trade_pair").column("mirror_reason").valid_values]
_NOT_RECORDED, _NEAR = _REASONS.index("not_recorded"), [_REASONS.index(f"recorded_{when}") for when in ("later", "earlier")]
_SIZES = 20
"""Classes of value, each ten times the one before."""
_SIZE_EDGES = np.nextafter(10.0 ** np.arange(1, _SIZES), 0)
"""The largest value of each class but the last."""
_ROLES = ("exporter", "importer")


class SilentSides:
    """What a table says of its silent sides. month_numbers: of each period label, -1 where it is no month; None where none is."""

    def __init__(self, space: KeySpace, month_numbers: Ints | None, threshold_usd: float) -> None:
        self._space, self._months, self._threshold = space, month_numbers, threshold_usd
        self._reports = {role: np.zeros((space.areas, space.periods), dtype=bool) for role in _ROLES}
        self._codes = {role: np.zeros((space.commodities, space.periods), dtype=bool) for role in _ROLES}
        self._missed, self._told = (np.zeros((len(_ROLES), _SIZES, space.areas)) for _ in range(2))

    def note(self, pairs: pl.DataFrame) -> None:
        """Take one part: who reports in which period, and which code is reported."""
        part = _Part(pairs)
        for role in _ROLES:
            has = part.has[role]
            self._reports[role][part.area[role][has], part.period[has]] = True
            self._codes[role][part.commodity[has], part.period[has]] = True

    def count(self, pairs: pl.DataFrame) -> pl.Series:
        """Take one part again, when all are noted: how often a side that might have reported a trade of a size did not.

        Return mirror_reason of each pair, empty where both sides report.
        """
        part, found = _Part(pairs), np.full(pairs.height, len(_REASONS), dtype=np.uint8)
        for place, role in enumerate(_ROLES):
            other, (silent, reason) = part.usd[_other(role)], self._reasons(part, role)
            found[silent] = reason
            missed = silent[reason == _NOT_RECORDED]
            reported = np.flatnonzero(part.has[role] & (other >= self._threshold))
            near = silent[np.isin(reason, _NEAR)]
            for counts, rows in ((self._missed, missed), (self._told, np.concatenate([missed, near, reported]))):
                cell = _size_of(other[rows]) * self._space.areas + part.area[role][rows]
                counts[place] += np.bincount(cell, minlength=counts[place].size).reshape(counts[place].shape)
        words = pl.Series([*_REASONS, None], dtype=pl.Enum(_REASONS))
        return words.gather(found).alias("mirror_reason")

    def tell(self, pairs: pl.DataFrame, reasons: pl.Series) -> pl.DataFrame:
        """Return mirror_reason and partner_report_probability of one part's pairs; reasons: what `count` found of them."""
        chance, might = np.full(pairs.height, np.nan), reasons.to_physical().is_in([_NOT_RECORDED, *_NEAR]).fill_null(value=False)
        for place, role in enumerate(_ROLES):
            usd, area = pairs[_value(_other(role))].to_numpy(), pairs[role].to_numpy()
            rows = np.flatnonzero(might.to_numpy() & np.isnan(pairs[_value(role)].to_numpy()))
            chance[rows] = 1 - self._miss_rates(place)[_size_of(usd[rows]), area[rows]]
        return pl.DataFrame([reasons, pl.Series("partner_report_probability", chance).fill_nan(None)])

    def _reasons(self, part: _Part, role: str) -> tuple[Ints, Ints]:
        """Return the pairs of which this side alone is silent, and the place in `_REASONS` of the first reason that holds of each."""
        rows = np.flatnonzero(~part.has[role])
        area, period, usd = part.area[role][rows], part.period[rows], part.usd[_other(role)][rows]
        published = self._reports[role][area, period] & self._codes[role][part.commodity[rows], period]
        near, word = self._recorded_near(part, role, rows)
        ever: Flags = np.any(self._reports[role], axis=1)
        holds = {
            "partner_never_reports": ~ever[area],
            "no_record_of_code": published & self._withheld(part, role, rows),
            "not_reported_yet": ~published,
            "below_threshold": usd < self._threshold,
            word: near,
        }
        reason: Ints = np.select(list(holds.values()), [_REASONS.index(name) for name in holds], _NOT_RECORDED)
        return rows, reason

    def _withheld(self, part: _Part, role: str, rows: Ints) -> Flags:
        """Return the pairs of codes and periods of which a reporter has no row at all while several partners report such trade with it."""
        key = (part.commodity * self._space.periods + part.period) * self._space.areas + part.area[role]
        cell, place = np.unique(key[rows], return_inverse=True)
        others = np.bincount(place, part.usd[_other(role)][rows] >= self._threshold, len(cell))
        asked = cell[others >= TELLING_PARTNERS]
        without = asked[~np.isin(asked, key[part.has[role]])] if len(asked) else asked
        found: Flags = np.isin(cell, without)[place]
        return found

    def _recorded_near(self, part: _Part, role: str, rows: Ints) -> tuple[Flags, str]:
        """Return where a silent side has a report of the route alone up to `LAG_PERIODS` months later (imports) or earlier (exports)."""
        word, step = ("recorded_later", 1) if role == "importer" else ("recorded_earlier", -1)
        if self._months is None:
            return np.zeros(len(rows), dtype=bool), word
        month = self._months[part.period]
        key = part.route(self._space) * (int(self._months.max()) + 2 * LAG_PERIODS + 1) + month + LAG_PERIODS
        there = key[~part.has[_other(role)] & (month >= 0)]
        near = np.any([np.isin(key[rows] + step * months, there) for months in range(1, LAG_PERIODS + 1)], axis=0)
        found: Flags = near & (month[rows] >= 0)
        return found, word

    def _miss_rates(self, place: int) -> Floats:
        """Return how often each area misses a trade of each size: a size's rate times the area's own, which few trades draw to 1."""
        missed, told = self._missed[place], self._told[place]
        of_size = np.divide(missed.sum(axis=1), told.sum(axis=1), out=np.zeros(_SIZES), where=told.sum(axis=1) > 0)
        own = (missed.sum(axis=0) + PRIOR_MISSES) / ((told * of_size[:, None]).sum(axis=0) + PRIOR_MISSES)
        rates: Floats = np.clip(of_size[:, None] * own, SMALLEST_MISS, 1.0)
        return rates


class _Part:
    """One part's pairs as arrays."""

    def __init__(self, pairs: pl.DataFrame) -> None:
        self.commodity, self.period = (pairs[name].to_numpy().astype(np.intp) for name in ("commodity", "period"))
        self.area = {role: pairs[role].to_numpy().astype(np.intp) for role in _ROLES}
        self.usd = {role: pairs[_value(role)].to_numpy() for role in _ROLES}
        self.has = {role: np.isfinite(usd) for role, usd in self.usd.items()}

    def route(self, space: KeySpace) -> Ints:
        """Return one number per commodity, exporter and importer."""
        found: Ints = (self.commodity * space.areas + self.area["exporter"]) * space.areas + self.area["importer"]
        return found


def _other(role: str) -> str:
    return "importer" if role == "exporter" else "exporter"


def _value(role: str) -> str:
    return f"{role.removesuffix('er')}_value_usd"


def _size_of(usd: Floats) -> Ints:
    return count_edges(_SIZE_EDGES, usd)
