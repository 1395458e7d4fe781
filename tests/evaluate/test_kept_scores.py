"""Scores that are kept are the scores that were made, and of nothing else."""

from pathlib import Path

import numpy as np
import pytest

from tradeflow.evaluate import kept_scores
from tradeflow.evaluate.kept_scores import KeptScores
from tradeflow.evaluate.series_detectors import CellScores, peer_judge
from tradeflow.evaluate.series_peers import PEERS
from tradeflow.evaluate.series_truth import make_series, plant
from tradeflow.evaluate.series_worlds import Cell


@pytest.fixture
def cell() -> Cell:
    amounts = make_series("missing", 12, 48, 4)
    return Cell("missing", amounts, {name: plant(amounts, name, 4) for name in ("spike x3", "one-off x3", "new route")})


def refuse(cell: Cell) -> CellScores:
    raise AssertionError(f"scored {cell.kind} series that were scored before")


def test_what_is_read_is_what_was_written(tmp_path: Path, cell: Cell) -> None:
    made = KeptScores(tmp_path).score("median", peer_judge(PEERS[2]), cell)
    later = KeptScores(tmp_path)
    read = later.score("median", refuse, cell)
    assert (read.fits, read.seconds) == (made.fits, made.seconds) == (made.fits, later.seconds_before)
    assert list(read.planted) == list(made.planted)
    pairs = [(made.clean, read.clean), *((made.planted[name], read.planted[name]) for name in made.planted)]
    for ours, kept in pairs:
        np.testing.assert_array_equal(ours.last_month, kept.last_month)
        assert list(ours.six_months) == list(kept.six_months)
        for name, values in ours.six_months.items():
            np.testing.assert_array_equal(values, kept.six_months[name])


def test_other_series_another_peer_or_other_code_are_scored_anew(tmp_path: Path, cell: Cell, monkeypatch: pytest.MonkeyPatch) -> None:
    KeptScores(tmp_path).score("median", peer_judge(PEERS[2]), cell)
    other = Cell(cell.kind, cell.amounts, cell.planted | {"spike x3": cell.planted["spike x3"] * 1.1})
    for name, asked in (("median", other), ("median", cell.first(5)), ("mean", cell)):
        with pytest.raises(AssertionError, match="scored before"):
            KeptScores(tmp_path).score(name, refuse, asked)
    monkeypatch.setattr(kept_scores.inspect, "getsource", lambda module: f"another {module.__name__}")
    with pytest.raises(AssertionError, match="scored before"):
        KeptScores(tmp_path).score("median", refuse, cell)


def test_without_a_folder_nothing_is_kept(tmp_path: Path, cell: Cell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    kept = KeptScores()
    kept.score("median", peer_judge(PEERS[2]), cell)
    assert kept.seconds_before == 0
    assert not list(tmp_path.iterdir())
