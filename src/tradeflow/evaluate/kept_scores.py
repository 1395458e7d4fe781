"""The scores of others' methods, kept from run to run: they rest on the series, on the code and on the versions of packages, not on us."""

from __future__ import annotations

import hashlib
import inspect
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from tradeflow.evaluate import series_detectors, series_peers
from tradeflow.evaluate.series_detectors import CellJudge, CellScores, Scores
from tradeflow.evaluate.series_worlds import Cell
from tradeflow.model import hurdle

_PACKAGES = ("numpy", "scipy", "scikit-learn", "statsmodels", "statsforecast")


@dataclass
class KeptScores:
    """Scores one cell after the other; with a `folder` a cell that was scored before is read from it."""

    folder: Path | None = None
    seconds_before: float = 0.0
    """CPU seconds that the scores which were read had cost when they were made."""

    def score(self, name: str, judge: CellJudge, cell: Cell) -> CellScores:
        """Return what the detector called `name` says of a cell."""
        if self.folder is None:
            return judge(cell)
        path = self.folder / f"{_fingerprint(name, cell)}.npz"
        if path.is_file():
            found = _read(path)
            self.seconds_before += found.seconds
            return found
        found = judge(cell)
        _write(found, path)
        return found


def _fingerprint(name: str, cell: Cell) -> str:
    """Return one name for all that scores rest on: the detector, its code, the packages and the cell's amounts, planted and not."""
    said = hashlib.sha256(name.encode())
    for module in (series_peers, series_detectors, hurdle):
        said.update(inspect.getsource(module).encode())
    said.update(repr([_version(package) for package in _PACKAGES]).encode())
    for anomaly, amounts in (("", cell.amounts), *cell.planted.items()):
        said.update(f"{anomaly} {amounts.shape}".encode())
        said.update(np.ascontiguousarray(amounts).tobytes())
    return said.hexdigest()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _write(scores: CellScores, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays = {"cost": np.array([scores.fits, scores.seconds])}
    for anomaly, each in (("", scores.clean), *scores.planted.items()):
        arrays[f"{anomaly}/last month"] = each.last_month
        arrays |= {f"{anomaly}/six months/{name}": values for name, values in each.six_months.items()}
    unfinished = path.with_suffix(".unfinished.npz")
    np.savez(unfinished, allow_pickle=False, **arrays)
    unfinished.replace(path)


def _read(path: Path) -> CellScores:
    with np.load(path, allow_pickle=False) as kept:
        arrays = {name: kept[name] for name in kept.files}
    fits, seconds = arrays.pop("cost")
    found = {name.removesuffix("/last month"): Scores(values) for name, values in arrays.items() if name.endswith("/last month")}
    for name, values in arrays.items():
        anomaly, _, score = name.partition("/six months/")
        if score:
            found[anomaly].six_months[score] = values
    return CellScores(found.pop(""), found, int(fits), float(seconds))
