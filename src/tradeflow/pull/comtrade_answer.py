"""Reads one answer of UN Comtrade's v1 API; what is not data is refused here, before anything is kept."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tradeflow.exceptions import SourceError


class AnswerRefusedError(SourceError):
    """An answer that is not data, or not what was asked for: its query is reported and the pull goes on."""


@dataclass(frozen=True)
class Answer:
    """One answer: its bytes as they came, the number that it states in `count`, and its rows under the source's own names."""

    body: bytes
    count: int
    rows: list[dict[str, Any]]


def read_answer(body: bytes) -> Answer:
    """Return the answer, whose count agrees with its rows; AnswerRefusedError where it is not data or was cut short."""
    envelope = _read_envelope(body)
    rows = envelope.get("data")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise AnswerRefusedError(f"the answer holds no list of rows under `data`; it begins {_beginning(body)}")
    count = _count_of(envelope, body)
    if count != len(rows):
        raise AnswerRefusedError(f"the answer states count {count:,} and holds {len(rows):,} rows; nothing of it was kept")
    return Answer(body, count, rows)


def read_count(body: bytes) -> int:
    """Return the number of rows that an answer to `countOnly=true` announces; AnswerRefusedError where it states none."""
    return _count_of(_read_envelope(body), body)


def error_message(body: bytes) -> str:
    """Return what an answer says went wrong, in whichever field the service put it; empty where it says nothing."""
    try:
        document = json.loads(body)
    except ValueError:
        return ""
    return _message_in(_lower_keys(document)) if isinstance(document, dict) else ""


def values_of(rows: Sequence[dict[str, Any]], field: str) -> set[str]:
    """Return a field's distinct values as text, whatever the case of its name; a row without it gives ''."""
    return {_value_of(row, field) for row in rows}


def _value_of(row: dict[str, Any], field: str) -> str:
    if field in row:
        return str(row[field])
    return next((str(value) for name, value in row.items() if name.lower() == field.lower()), "")


def row_values(row: dict[str, Any], fields: Sequence[str]) -> tuple[str, ...]:
    """Return several fields of one row as text, whatever the case of their names; '' for one that is missing."""
    return tuple(_value_of(row, field) for field in fields)


def _read_envelope(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except ValueError as error:
        raise AnswerRefusedError(f"the answer is not JSON ({_json_fault(error)}); it begins {_beginning(body)}") from None
    if not isinstance(document, dict):
        raise AnswerRefusedError(f"the answer is not an object with `count` and `data`; it begins {_beginning(body)}")
    envelope = _lower_keys(document)
    if message := _message_in(envelope):
        raise AnswerRefusedError(f"the service answers with an error: {message}")
    return envelope


def _count_of(envelope: dict[str, Any], body: bytes) -> int:
    count = envelope.get("count")
    if not isinstance(count, int) or isinstance(count, bool) or count < 0:
        raise AnswerRefusedError(f"the answer states count {count!r}, expected a number of rows; it begins {_beginning(body)}")
    return count


def _message_in(envelope: dict[str, Any]) -> str:
    nested = envelope.get("errorobject")
    found = _lower_keys(nested).get("errormessage") if isinstance(nested, dict) else None
    # `message` alone is how the gateway in front of the service words its refusals.
    message = found or envelope.get("error") or (envelope.get("message") if "data" not in envelope else None)
    return " ".join(str(message).split())[:300] if message else ""


def _lower_keys(document: dict[str, Any]) -> dict[str, Any]:
    return {name.lower(): value for name, value in document.items()}


def _json_fault(error: ValueError) -> str:
    return f"{error.msg} at character {error.pos:,}" if isinstance(error, json.JSONDecodeError) else "not UTF-8"


def _beginning(body: bytes) -> str:
    return repr(body[:60].decode("utf-8", "replace"))
