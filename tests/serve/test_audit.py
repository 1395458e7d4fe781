"""The log: what stands in it, and that nothing can be changed, removed, moved or cut off without being found."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from tests.serve.conftest import Served
from tradeflow.exceptions import LakeError
from tradeflow.lake import RELEASE_FOLDER, Lake
from tradeflow.serve.audit import ANCHOR_FILE, KEY_FILE, Head, append_command, open_seal, read_entries, verify_log
from tradeflow.serve.store import APPEND_ONLY, AuditEntry
from tradeflow.settings import Settings

ENTRY = AuditEntry.__table__


def write_entries(served: Served, count: int) -> None:
    with served.writing() as store:
        for number in range(count):
            append_command(store, served.app.state.house.seal, "test", "somebody", {"number": number})


def faults(served: Served, noted: Head | None = None) -> tuple[str, ...]:
    with served.writing() as store:
        return verify_log(store, served.app.state.house.seal, noted=noted).faults


def entries(served: Served) -> list[dict[str, object]]:
    with served.writing() as store:
        return list(read_entries(store))


def tamper(served: Served, *statements: str) -> None:
    """What the owner of the database can do: take the triggers off, then change."""
    with served.app.state.house.stores.writing.begin() as connection:
        if connection.dialect.name == "sqlite":
            for verb in ("update", "delete"):
                connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS audit_entry_keeps_on_{verb}")
        else:
            connection.exec_driver_sql("ALTER TABLE audit_entry DISABLE TRIGGER ALL")
        for statement in statements:
            connection.exec_driver_sql(statement)


def test_an_entry_says_who_when_why_what_and_on_which_data(served: Served) -> None:
    analyst = served.signed_in("analyst")
    analyst.get("/signals?rule=mirror_gap")
    entry = entries(served)[-1]
    assert (entry["actor"], entry["role"], entry["action"]) == (analyst.name, "analyst", "read")
    assert (entry["path"], entry["data_version"], entry["status_code"]) == ("GET /signals", "202412-first", 200)
    assert json.loads(str(entry["query"])) == {"query": [["rule", "mirror_gap"]], "form": {}}
    returned = json.loads(str(entry["returned"]))
    assert returned["signal"]["count"] == len(returned["signal"]["ids"]) == 1
    assert len(returned["sha256"]) == 64
    assert faults(served) == ()


def test_what_is_refused_and_what_fails_is_entered_too(served: Served) -> None:
    viewer = served.signed_in("viewer")
    assert viewer.get("/users").status_code == 403
    assert served.visitor().post("/sign-in", name="nobody", password="guess").status_code == 401
    refused, failed = entries(served)[-2:]
    assert (refused["actor"], refused["path"], refused["status_code"]) == (viewer.name, "GET /users", 403)
    assert json.loads(str(refused["returned"])) == {}
    assert (failed["actor"], failed["action"], failed["status_code"]) == ("nobody", "sign_in", 401)


def test_a_sign_in_names_the_account(served: Served) -> None:
    analyst = served.signed_in("analyst")
    entry = entries(served)[0]
    assert (entry["actor"], entry["role"], entry["action"], entry["status_code"]) == (analyst.name, "analyst", "sign_in", 303)
    assert entry["account_id"] is not None


def test_no_password_or_token_stands_in_the_log(served: Served) -> None:
    analyst = served.signed_in("analyst")
    shown = analyst.post("/account/tokens", label="mine", scopes="read_signals", days="1").text
    text = json.dumps(entries(served))
    assert "four quiet" not in text
    assert shown.split("<code>tf_")[1].split("<")[0] not in text


@pytest.mark.parametrize("table", APPEND_ONLY, ids=lambda table: table.name)
@pytest.mark.parametrize("statement", ["UPDATE {0} SET {1} = {1}", "DELETE FROM {0}", "TRUNCATE {0}"])
def test_the_database_refuses_to_change_or_remove(served: Served, table: sa.Table, statement: str) -> None:
    analyst = served.signed_in("analyst")
    signal_id = json.loads(str([*(analyst.get("/signals") and entries(served))][-1]["returned"]))["signal"]["ids"][0]
    analyst.post(f"/signals/{signal_id}/decisions", decision="confirmed", reason="seen")
    engine = served.app.state.house.stores.writing
    if "TRUNCATE" in statement and engine.dialect.name == "sqlite":
        statement = "DELETE FROM {0} WHERE 1 = 1"
    sql = statement.format(table.name, next(iter(table.primary_key)).name)
    if table.name in ("lead_note", "lead_assignment"):
        with served.writing() as store:
            _fill(store, table, signal_id)
    with pytest.raises(sa.exc.DBAPIError, match="append-only"), engine.begin() as connection:
        connection.exec_driver_sql(sql)


def _fill(store: Session, table: sa.Table, signal_id: str) -> None:
    account_id = store.scalar(sa.text("SELECT max(account_id) FROM account"))
    values = {"signal_id": signal_id, "account_id": account_id, "assigned_by": account_id, "note_text": "x"}
    times = {name: sa.func.current_timestamp() for name in ("written_at", "assigned_at")}
    store.execute(sa.insert(table).values({name: value for name, value in (values | times).items() if name in table.c}))
    store.commit()


@pytest.mark.parametrize("column", [column.name for column in ENTRY.columns if column.name not in ("entry_number", "entry_hash")])
def test_a_changed_field_is_found(served_on_sqlite: Served, column: str) -> None:
    write_entries(served_on_sqlite, 5)
    value = "7" if isinstance(ENTRY.c[column].type, sa.Integer) else "'other'"
    tamper(served_on_sqlite, f"UPDATE audit_entry SET {column} = {value} WHERE entry_number = 3")
    assert any(fault.startswith("entry 3: was changed") for fault in faults(served_on_sqlite))


@pytest.mark.parametrize(
    ("statements", "told"),
    [
        (["DELETE FROM audit_entry WHERE entry_number = 3"], "entry 4: follows entry 2"),
        (["DELETE FROM audit_entry WHERE entry_number = 1"], "entry 2: follows entry 0"),
        (["DELETE FROM audit_entry WHERE entry_number = 5"], "entry 5: was noted"),
        (["DELETE FROM audit_entry WHERE entry_number >= 2"], "entry 5: was noted"),
        (["DELETE FROM audit_entry"], "entry 5: was noted"),
        (
            [f"UPDATE audit_entry SET entry_number = {new} WHERE entry_number = {old}" for old, new in ((3, 99), (4, 3), (99, 4))],
            "entry 3: was changed",
        ),
    ],
    ids=["middle", "first", "last", "all but one", "all", "order"],
)
def test_a_removed_cut_or_moved_entry_is_found(served: Served, statements: list[str], told: str) -> None:
    write_entries(served, 5)
    assert faults(served) == ()
    tamper(served, *statements)
    assert any(fault.startswith(told) for fault in faults(served))


def test_a_copied_entry_put_in_is_found(served: Served) -> None:
    write_entries(served, 5)
    others = ", ".join(column.name for column in ENTRY.columns if column.name != "entry_number")
    tamper(served, f"INSERT INTO audit_entry (entry_number, {others}) SELECT 6, {others} FROM audit_entry WHERE entry_number = 2")
    assert any(fault.startswith("entry 6: was changed") for fault in faults(served))


def test_a_cut_stays_found_when_the_application_goes_on_writing(served: Served) -> None:
    write_entries(served, 5)
    tamper(served, "DELETE FROM audit_entry WHERE entry_number >= 3")
    write_entries(served, 10)
    assert any(fault.startswith("entry 5: was noted") for fault in faults(served))


def test_a_lost_or_forged_anchor_is_found(served: Served) -> None:
    write_entries(served, 2)
    anchor = served.app.state.house.seal.anchor_file
    forged = json.loads(anchor.read_text()) | {"entry_number": 1}
    anchor.write_text(json.dumps(forged))
    assert any("anchor" in fault for fault in faults(served))
    anchor.unlink()
    write_entries(served, 2)
    assert not anchor.exists()
    assert any("anchor" in fault for fault in faults(served))


def test_a_log_written_anew_with_the_key_is_shown_by_a_head_that_was_noted(served: Served) -> None:
    write_entries(served, 3)
    with served.writing() as store:
        noted = verify_log(store, served.app.state.house.seal).head
    tamper(served, "DELETE FROM audit_entry")
    seal = served.app.state.house.seal
    seal.anchor(Head(0, "0" * 64), is_new_start=True)
    write_entries(served, 4)
    assert faults(served) == ()
    assert faults(served, noted) != ()


def test_another_key_seals_nothing(served: Served) -> None:
    write_entries(served, 2)
    with served.writing() as store:
        verdict = verify_log(store, replace(served.app.state.house.seal, key=b"another"))
    assert len([fault for fault in verdict.faults if fault.startswith("entry")]) == 2


def test_a_key_cut_short_seals_nothing(lake: Lake) -> None:
    """As a full disk leaves it at the first start."""
    open_seal(Settings().serve, lake)
    (lake.root / RELEASE_FOLDER / KEY_FILE).write_bytes(b"")
    with pytest.raises(LakeError, match="0 bytes are no key"):
        open_seal(Settings().serve, lake)


def test_the_key_is_readable_by_its_owner_alone(served: Served) -> None:
    seal = served.app.state.house.seal
    assert seal.anchor_file.name == ANCHOR_FILE
    assert seal.anchor_file.with_name("audit.key").stat().st_mode & 0o077 == 0


def test_many_writers_at_once_leave_one_chain(served: Served, in_threads: Callable[[Callable[[], None], int], None]) -> None:
    in_threads(lambda: write_entries(served, 5), 8)
    with served.writing() as store:
        verdict = verify_log(store, served.app.state.house.seal)
    assert (verdict.entries, verdict.faults) == (40, ())


def test_nothing_is_answered_where_no_entry_can_be_written(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    viewer = served.signed_in("viewer")

    def fail(*_: object, **__: object) -> None:
        raise sa.exc.OperationalError("INSERT", {}, Exception("disk full"))

    monkeypatch.setattr("tradeflow.serve.visit.append_entry", fail)
    answer = viewer.get("/signals")
    assert answer.status_code == 503
    assert "The database does not answer" in answer.text


@pytest.mark.parametrize("path", ["/signals.csv", "/signals.parquet", "/release"])
def test_downloads_and_what_did_not_change_are_entered_before_they_leave(
    served_on_sqlite: Served, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    viewer = served_on_sqlite.signed_in("viewer")
    first = viewer.get(f"/api/v1{path}")
    again = viewer.get(f"/api/v1{path}", headers={"If-None-Match": first.headers.get("etag", "")})
    entered = [(entry["path"], entry["status_code"]) for entry in entries(served_on_sqlite)[-2:]]
    assert entered == [(f"GET /api/v1{path}", 200), (f"GET /api/v1{path}", again.status_code)]
    assert again.status_code == (304 if path == "/release" else 200)

    def fail(*_: object, **__: object) -> None:
        raise sa.exc.OperationalError("INSERT", {}, Exception("disk full"))

    monkeypatch.setattr("tradeflow.serve.visit.append_entry", fail)
    for headers in ({}, {"If-None-Match": first.headers.get("etag", "")}):
        refused = viewer.get(f"/api/v1{path}", headers=headers)
        assert (refused.status_code, list(refused.json())) == (503, ["detail"])
