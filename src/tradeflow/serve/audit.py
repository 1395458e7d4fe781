"""The audit log: who saw or did what, when, why, on which data. Each entry is sealed with a key and with the entry before it.

The seal of an entry is HMAC-SHA256 over its fields and the seal before. The number and seal of the newest entry also stand in a file of
their own, the anchor, so that entries missing at the end are seen. What the log cannot see by itself: a change by somebody who holds
the key, the anchor and the database together, or an older copy of all three put back. A head noted outside (`tradeflow audit verify
--head`) shows that too.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
import tempfile
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from tradeflow.exceptions import LakeError
from tradeflow.lake import RELEASE_FOLDER, Lake
from tradeflow.serve.store import AuditEntry
from tradeflow.settings import Serve

KEY_FILE, ANCHOR_FILE = "audit.key", "audit_head.json"
_LOG_LOCK = 0x7466_6175
"""Any number that nothing else in the database locks."""
_SEALED = tuple(column.name for column in AuditEntry.__table__.columns if column.name != "entry_hash")
_ROWS_AT_ONCE = 1000
_KEY_BYTES = 32
_ANCHORING = threading.Lock()


@dataclass(frozen=True)
class Head:
    """The newest entry of a log: its number and its seal; 0 and zeros before the first."""

    entry_number: int
    entry_hash: str


FIRST = Head(0, "0" * 64)


@dataclass(frozen=True)
class Verdict:
    """What a check of the whole log found; no fault means that nothing was changed, removed, put in or re-ordered."""

    entries: int
    head: Head
    faults: tuple[str, ...]


@dataclass(frozen=True)
class AuditSeal:
    """The key that seals entries and the file that the newest is anchored in."""

    key: bytes
    anchor_file: Path

    def seal(self, entry: dict[str, Any]) -> str:
        """Return the seal of an entry given by its columns; changing any of them changes it."""
        content = json.dumps([entry[name] for name in _SEALED], ensure_ascii=False, separators=(",", ":"))
        return hmac.new(self.key, content.encode(), hashlib.sha256).hexdigest()

    def anchor(self, head: Head, *, is_new_start: bool = False) -> None:
        """Write the newest entry down outside the database, whole or not at all; never an older one over a newer, nor anew unless told."""
        with _ANCHORING:
            standing = self.read_anchor()
            if not is_new_start and (standing is None or head.entry_number <= standing.entry_number):
                return
            with tempfile.NamedTemporaryFile("w", dir=self.anchor_file.parent, prefix=".audit-", delete=False) as unfinished:
                json.dump({"entry_number": head.entry_number, "entry_hash": head.entry_hash, "seal": self._sign(head)}, unfinished)
            os.replace(unfinished.name, self.anchor_file)

    def read_anchor(self) -> Head | None:
        """Return the anchored head; None where the file is missing or is not one that this key has sealed."""
        try:
            stored = json.loads(self.anchor_file.read_text(encoding="utf-8"))
            head = Head(stored["entry_number"], stored["entry_hash"])
            return head if hmac.compare_digest(stored["seal"], self._sign(head)) else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _sign(self, head: Head) -> str:
        return hmac.new(self.key, f"head:{head.entry_number}:{head.entry_hash}".encode(), hashlib.sha256).hexdigest()


def open_seal(settings: Serve, lake: Lake) -> AuditSeal:
    """Read the key where the settings put it; the first time it is made, readable by its owner alone, and an empty log is anchored."""
    folder = settings.audit_folder or lake.root / RELEASE_FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / KEY_FILE
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        return AuditSeal(_read_key(path), folder / ANCHOR_FILE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(secrets.token_bytes(_KEY_BYTES))
    seal = AuditSeal(_read_key(path), folder / ANCHOR_FILE)
    seal.anchor(FIRST, is_new_start=True)
    return seal


def _read_key(path: Path) -> bytes:
    key = path.read_bytes()
    if len(key) < _KEY_BYTES:
        raise LakeError(f"{path}: {len(key)} bytes are no key, and anybody could forge what it seals; put the key back from a copy")
    return key


def append_entry(store: Session, seal: AuditSeal, **fields: Any) -> Head | None:
    """Add one entry behind the newest, in the transaction of what it tells of.

    Returns the head to anchor after the commit. None where the log no longer holds what was anchored: the anchor is then left as it is,
    so that entries which are put on a log cut short never hide the cut.
    """
    if store.get_bind().dialect.name == "postgresql":
        store.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOG_LOCK)))
    newest, anchored = read_head(store), seal.read_anchor()
    entry = {
        "entry_number": newest.entry_number + 1,
        "written_at": datetime.now(UTC).isoformat(timespec="microseconds"),
        **fields,
        "previous_hash": newest.entry_hash,
    }
    entry["entry_hash"] = seal.seal(entry)
    is_whole = anchored is not None and anchored in (FIRST, newest, _find_head(store, anchored.entry_number))
    store.execute(sa.insert(AuditEntry).values(entry))
    return Head(entry["entry_number"], entry["entry_hash"]) if is_whole else None


def append_command(store: Session, seal: AuditSeal, action: str, actor: str, asked: Mapping[str, Any]) -> None:
    """Add an entry for what was done outside the application, and commit it with that."""
    nobody = dict.fromkeys(("account_id", "role", "purpose", "case_number", "data_version"))
    query = json.dumps({"query": [], "form": dict(asked)}, ensure_ascii=False, default=str)
    head = append_entry(
        store, seal, **nobody, actor=actor, address="", action=action, path="tradeflow", query=query, status_code=200, returned="{}"
    )
    store.commit()
    if head is not None:
        seal.anchor(head)


def _find_head(store: Session, entry_number: int) -> Head | None:
    found = store.scalar(sa.select(AuditEntry.entry_hash).where(AuditEntry.entry_number == entry_number))
    return None if found is None else Head(entry_number, found)


def read_head(store: Session) -> Head:
    """Return the newest entry's number and seal."""
    newest = sa.select(AuditEntry.entry_number, AuditEntry.entry_hash).order_by(AuditEntry.entry_number.desc()).limit(1)
    row = store.execute(newest).one_or_none()
    return FIRST if row is None else Head(row.entry_number, row.entry_hash)


def read_entries(store: Session, *, after: int = 0) -> Iterator[dict[str, Any]]:
    """Yield the entries in their order, a few at a time."""
    question = sa.select(AuditEntry.__table__).where(AuditEntry.entry_number > after).order_by(AuditEntry.entry_number)
    for row in store.execute(question.execution_options(yield_per=_ROWS_AT_ONCE)):
        yield dict(row._mapping)


def verify_log(store: Session, seal: AuditSeal, *, noted: Head | None = None) -> Verdict:
    """Check every entry against its seal, its place and the one before, the end against the anchor, and a head that was noted elsewhere."""
    anchored = seal.read_anchor()
    faults = [] if anchored else [f"{seal.anchor_file}: the anchor is missing or was changed; entries may be missing at the end"]
    heads = {head for head in (anchored, noted) if head is not None and head != FIRST}
    newest, seen, count = FIRST, set[Head](), 0
    for entry in read_entries(store):
        count += 1
        faults.extend(_check_entry(entry, newest, seal))
        newest = Head(entry["entry_number"], entry["entry_hash"])
        seen |= heads & {newest}
    faults.extend(f"entry {head.entry_number}: was noted as {head.entry_hash[:12]} and is missing or another" for head in heads - seen)
    return Verdict(count, newest, tuple(faults))


def _check_entry(entry: dict[str, Any], before: Head, seal: AuditSeal) -> Iterator[str]:
    number = entry["entry_number"]
    if number != before.entry_number + 1:
        yield f"entry {number}: follows entry {before.entry_number}; what stood between is missing"
    if entry["previous_hash"] != before.entry_hash:
        yield f"entry {number}: does not seal the entry before it"
    if not hmac.compare_digest(entry["entry_hash"], seal.seal(entry)):
        yield f"entry {number}: was changed, or was not written by this installation"
