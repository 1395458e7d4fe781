from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from tests.postgres import Server
from tests.release_world import Made
from tradeflow.exceptions import LakeError, NotFoundError
from tradeflow.publish.reading import find_area, read_signal, read_signals
from tradeflow.publish.serving import serve_release


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, release_folder: Path, made: Made) -> str:
    """The address of sixty leads, in a file and on a server."""
    if request.param == "sqlite":
        return f"sqlite:///{release_folder.parent / 'serving.sqlite'}"
    url: str = request.getfixturevalue("postgres").url("reading")
    serve_release(url, "sixty", made[0], made[1], published_at=datetime(2025, 2, 14, tzinfo=UTC))
    return url


def test_all_signals_come_back_heads_first_by_rank(database: str, made: Made) -> None:
    signals = read_signals(database)
    assert_frame_equal(signals, made[0].signal, check_row_order=False)
    heads = signals["is_lead_head"].to_list()
    assert heads == sorted(heads, reverse=True)
    assert signals.filter("is_lead_head")["lead_rank"].to_list() == list(range(1, 61))
    assert read_signals(database, limit=5)["lead_rank"].to_list() == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"rule": "new_route"}, pl.col("rule") == "new_route"),
        ({"commodity": "291411"}, pl.col("commodity_code") == "291411"),
        ({"commodity": "2914.11"}, pl.col("commodity_code") == "291411"),
        ({"commodity": "29"}, pl.col("commodity_code").str.starts_with("29")),
        ({"commodity": "%"}, pl.lit(False)),
        ({"importer": "MEX"}, pl.col("importer_code") == 484),
        ({"importer": "mx"}, pl.col("importer_code") == 484),
        ({"importer": "mexico"}, pl.col("importer_code") == 484),
        ({"importer": 76}, pl.col("importer_code") == 76),
        ({"importer": "076"}, pl.col("importer_code") == 76),
        ({"min_score": 60.0}, pl.col("lead_score") >= 60),
        ({"rule": "mirror_gap", "min_score": 50.0}, (pl.col("rule") == "mirror_gap") & (pl.col("lead_score") >= 50)),
    ],
)
def test_filters_keep_what_they_name(database: str, made: Made, asked: dict[str, Any], expected: pl.Expr) -> None:
    kept = made[0].signal.filter(expected)
    assert_frame_equal(read_signals(database, **asked), kept, check_row_order=False)


def test_a_release_of_a_version_with_other_columns_is_told_in_one_line(release_folder: Path, tmp_path: Path) -> None:
    older = tmp_path / "serving.sqlite"
    shutil.copy(release_folder.parent / "serving.sqlite", older)
    with closing(sqlite3.connect(older)) as connection, connection:
        connection.execute("ALTER TABLE signal DROP COLUMN judged_series")
    with pytest.raises(LakeError, match="table signal .*judged_series; .*`tradeflow run` makes it anew"):
        read_signals(f"sqlite:///{older}")


def test_unknown_rule_is_answered_with_those_that_are_known(database: str) -> None:
    with pytest.raises(NotFoundError, match="no rule 'excess'; known are excess_import"):
        read_signals(database, rule="excess")


def test_misspelt_area_is_answered_with_near_ones() -> None:
    with pytest.raises(NotFoundError, match="no area 'Colombja'.*did you mean .*Colombia"):
        find_area("Colombja")


def test_signal_comes_with_what_stands_behind_it(database: str, made: Made) -> None:
    tables, _ = made
    signal = tables.signal.filter(pl.col("rule") == "isolated_flow").row(0, named=True)
    dossier = read_signal(database, signal["signal_id"].upper())
    assert dossier.signal == signal
    mine = pl.col("signal_id") == signal["signal_id"]
    assert_frame_equal(dossier.features, tables.signal_feature.filter(mine), check_row_order=False)
    assert dossier.features["feature_share"].is_sorted(descending=True)
    assert_frame_equal(dossier.evidence, tables.signal_evidence.filter(mine), check_row_order=False)


def test_beginning_of_an_id_will_do_where_it_is_unique(database: str, made: Made) -> None:
    signal_id = made[0].signal["signal_id"][0]
    assert read_signal(database, signal_id[:12]).signal["signal_id"] == signal_id


def test_beginning_of_several_ids_is_answered_with_them(database: str, made: Made) -> None:
    beginnings = made[0].signal["signal_id"].str.head(1)
    common = beginnings.mode().sort()[0]
    with pytest.raises(NotFoundError, match=f"several signals begin with '{common}'"):
        read_signal(database, common)


def test_unknown_id_is_answered_with_near_ones(database: str, made: Made) -> None:
    signal_id = made[0].signal["signal_id"][0]
    with pytest.raises(NotFoundError, match=f"near it are .*{signal_id}"):
        read_signal(database, signal_id[:10] + "zz")


@pytest.mark.parametrize("asked", ["", "%", "zz"])
def test_id_like_no_other_is_answered_with_where_to_look(database: str, asked: str) -> None:
    with pytest.raises(NotFoundError, match="`tradeflow signals` lists them"):
        read_signal(database, asked)


def test_no_database_yet_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="run `tradeflow run` first"):
        read_signals(f"sqlite:///{tmp_path / 'serving.sqlite'}")
    assert not (tmp_path / "serving.sqlite").exists()


def test_an_empty_server_says_what_to_do_and_no_password(postgres: Server) -> None:
    url = postgres.url("empty").replace("tradeflow@", "tradeflow:secret@")
    with pytest.raises(NotFoundError, match="run `tradeflow run` first") as told:
        read_signals(url)
    assert "secret" not in str(told.value)
