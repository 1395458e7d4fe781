from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
import sqlalchemy as sa

from tests.release_world import Made, replace_tables
from tradeflow.contract import load_contract
from tradeflow.exceptions import LakeError
from tradeflow.publish.serving import serve_release
from tradeflow.serving_database import KNOWN_SIGNAL, LEAD_COUNT, RELEASE, TABLES, open_database

NOW = datetime(2025, 2, 14, tzinfo=UTC)
COUNTED = sa.select(sa.select(RELEASE.c.id).scalar_subquery(), sa.select(sa.func.count()).select_from(TABLES["signal"]).scalar_subquery())


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'serving.sqlite'}"


@pytest.fixture
def serve(url: str) -> Callable[[Made, str], None]:
    return lambda made, release_id: serve_release(url, release_id, made[0], made[1], published_at=NOW)


def state(url: str) -> tuple[str, int]:
    with open_database(url).connect() as connection:
        release_id, signals = connection.execute(COUNTED).one()
    return release_id, signals


def test_tables_follow_their_contracts(serve: Callable[[Made, str], None], url: str, few: Made) -> None:
    serve(few, "first")
    inspector = sa.inspect(open_database(url))
    assert set(inspector.get_table_names()) >= {*TABLES, "release", "known_signal", "search_entry"}
    for name in TABLES:
        contract = load_contract(name)
        assert [column["name"] for column in inspector.get_columns(name)] == contract.column_names
        assert set(inspector.get_pk_constraint(name)["constrained_columns"]) == set(contract.unique_keys[0])
    indexed = {tuple(index["column_names"]) for index in inspector.get_indexes("signal")}
    assert {("rule",), ("commodity_code",), ("importer_code",), ("anomaly_score",), ("lead_rank",)} <= indexed


def test_every_table_goes_in_whole(serve: Callable[[Made, str], None], url: str, few: Made) -> None:
    tables, manifest = few
    serve(few, "first")
    with open_database(url).connect() as connection:
        for name, table in TABLES.items():
            assert connection.scalar(sa.select(sa.func.count()).select_from(table)) == getattr(tables, name).height, name
        assert connection.scalar(sa.select(RELEASE.c.manifest))["counts"] == manifest["counts"]


def test_reader_in_the_middle_keeps_the_old_release(serve: Callable[[Made, str], None], url: str, made: Made, few: Made) -> None:
    serve(few, "old")
    with open_database(url).connect() as reader:
        before = reader.execute(COUNTED).one()
        serve(made, "new")
        assert reader.execute(COUNTED).one() == before == ("old", few[0].signal.height)
    assert state(url) == ("new", made[0].signal.height)


def test_readers_beside_a_writer_never_see_half_a_release(serve: Callable[[Made, str], None], url: str, made: Made, few: Made) -> None:
    serve(few, "few-0")
    seen: list[tuple[str, int]] = []
    done = threading.Event()

    def read_on() -> None:
        while not done.is_set():
            seen.append(state(url))

    readers = [threading.Thread(target=read_on) for _ in range(2)]
    for reader in readers:
        reader.start()
    for turn in range(1, 4):
        serve(made, f"made-{turn}")
        serve(few, f"few-{turn}")
    done.set()
    for reader in readers:
        reader.join()
    rows = {"few": few[0].signal.height, "made": made[0].signal.height}
    assert len(seen) > 6
    assert {(name.partition("-")[0], count) for name, count in seen} <= set(rows.items())


def test_release_that_cannot_go_in_leaves_the_old_one(serve: Callable[[Made, str], None], url: str, made: Made, few: Made) -> None:
    serve(few, "old")
    tables, manifest = made
    twice = replace_tables(tables, signal_evidence=pl.concat([tables.signal_evidence, tables.signal_evidence]))
    with pytest.raises(sa.exc.IntegrityError):
        serve((twice, manifest), "new")
    assert state(url) == ("old", few[0].signal.height)


def test_same_release_again_writes_nothing(serve: Callable[[Made, str], None], url: str, made: Made, few: Made) -> None:
    serve(few, "first")
    serve(made, "first")
    assert state(url) == ("first", few[0].signal.height)


def test_log_left_by_an_older_version_is_not_taken_for_one_of_the_new_file(
    serve: Callable[[Made, str], None], url: str, made: Made, few: Made
) -> None:
    """Earlier versions wrote the file in place behind a log; SQLite would play a log that still stands into whatever bears the name."""
    serve(few, "old")
    path = Path(url.removeprefix("sqlite:///"))
    writer = sqlite3.connect(path)
    writer.execute("PRAGMA journal_mode = WAL")
    writer.execute("UPDATE signal SET lead_score = 0")
    writer.commit()
    log = path.with_name(f"{path.name}-wal")
    kept = log.read_bytes()
    writer.close()
    log.write_bytes(kept)
    serve(made, "new")
    assert not log.exists()
    assert state(url) == ("new", made[0].signal.height)


def test_file_that_somebody_writes_is_left_alone(serve: Callable[[Made, str], None], url: str, made: Made, few: Made) -> None:
    serve(few, "old")
    writer = sqlite3.connect(url.removeprefix("sqlite:///"))
    writer.execute("PRAGMA journal_mode = WAL")
    writer.execute("UPDATE signal SET lead_score = 0")
    with pytest.raises(LakeError, match="open for writing"):
        serve(made, "new")
    writer.close()
    serve(made, "new")
    assert state(url) == ("new", made[0].signal.height)


def test_half_a_file_left_by_a_killed_publish_is_in_nobodys_way(serve: Callable[[Made, str], None], url: str, few: Made) -> None:
    path = Path(url.removeprefix("sqlite:///"))
    half = path.with_name(f".unfinished-{path.name}")
    half.write_bytes(b"half")
    serve(few, "first")
    assert not half.exists()
    assert state(url) == ("first", few[0].signal.height)


def test_the_file_before_goes_with_the_next_publish_and_not_under_readers(serve: Callable[[Made, str], None], url: str, few: Made) -> None:
    path = Path(url.removeprefix("sqlite:///"))
    outdated = path.with_name(f"outdated-{path.name}")
    serve(few, "first")
    assert not outdated.exists()
    for before, release_id in (("first", "second"), ("second", "third")):
        serve(few, release_id)
        assert state(f"sqlite:///{outdated}") == (before, few[0].signal.height)
        assert state(url)[0] == release_id
    assert len(list(path.parent.glob("*serving.sqlite"))) == 2


def test_a_file_system_without_second_names_will_do(
    serve: Callable[[Made, str], None], url: str, few: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Path) -> None:
        raise PermissionError

    monkeypatch.setattr("tradeflow.publish.serving_file.os.link", refuse)
    serve(few, "first")
    serve(few, "second")
    assert state(url)[0] == "second"


def test_next_file_is_readable_by_whom_the_last_was(serve: Callable[[Made, str], None], url: str, few: Made) -> None:
    serve(few, "first")
    path = Path(url.removeprefix("sqlite:///"))
    path.chmod(0o640)
    serve(few, "second")
    assert path.stat().st_mode & 0o777 == 0o640


def test_leads_are_counted_once_for_all(serve: Callable[[Made, str], None], url: str, made: Made) -> None:
    serve(made, "first")
    signal = made[0].signal
    counts = LEAD_COUNT.c
    with open_database(url).connect() as connection:
        rules = connection.execute(sa.select(LEAD_COUNT).where(counts.counted_column == "rule")).all()
    by_rule = signal.group_by("rule").agg(pl.col("is_lead_head").sum(), pl.len(), pl.col("is_flagged").sum())
    assert {tuple(row)[1:] for row in rules} == set(by_rule.iter_rows())


def test_table_of_an_older_contract_is_made_anew(serve: Callable[[Made, str], None], url: str, few: Made) -> None:
    with open_database(url).begin() as connection:
        connection.execute(sa.text("CREATE TABLE signal (signal_id TEXT PRIMARY KEY)"))
        connection.execute(sa.text("INSERT INTO signal VALUES ('old')"))
    serve(few, "first")
    assert state(url) == ("first", few[0].signal.height)


def test_same_release_in_tables_of_an_older_contract_is_made_anew(serve: Callable[[Made, str], None], url: str, few: Made) -> None:
    serve(few, "first")
    with open_database(url).begin() as connection:
        connection.execute(sa.text("ALTER TABLE company_profile RENAME COLUMN item_count TO items"))
    serve(few, "first")
    assert [column["name"] for column in sa.inspect(open_database(url)).get_columns("company_profile")] == TABLES[
        "company_profile"
    ].c.keys()


def test_fault_in_a_row_does_not_print_the_row(serve: Callable[[Made, str], None], few: Made) -> None:
    tables, manifest = few
    twice = replace_tables(tables, signal=pl.concat([tables.signal, tables.signal]))
    with pytest.raises(sa.exc.IntegrityError) as fault:
        serve((twice, manifest), "new")
    assert tables.signal["signal_reason"][0] not in str(fault.value)


def test_a_signal_keeps_the_release_that_told_it_first(serve: Callable[[Made, str], None], url: str, made: Made, few: Made) -> None:
    serve(few, "first")
    serve(made, "second")
    tables, manifest = few
    later = replace_tables(tables, signal=tables.signal.with_columns(lead_score=pl.lit(1.5)))
    serve((later, manifest), "third")
    first = KNOWN_SIGNAL.c.first_release_id
    with open_database(url).connect() as connection:
        counted = dict(connection.execute(sa.select(first, sa.func.count()).group_by(first)).tuples().all())
        told = set(
            connection.execute(sa.select(KNOWN_SIGNAL.c.last_release_id, KNOWN_SIGNAL.c.lead_score).where(first == "first")).tuples()
        )
    assert counted == {"first": few[0].signal.height, "second": made[0].signal.height}
    assert told == {("third", 1.5)}
