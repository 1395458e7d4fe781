"""Questions that schemathesis makes up from the API's own description, asked by every role; each answer is held against the description."""

from __future__ import annotations

import base64
import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.python.asgi import get_client
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.company_world import NAMES, entity_id
from tests.release_world import IMPORTERS, RULES
from tests.serve.conftest import ORIGIN, Served, make_token
from tests.serve.with_companies import made_with_companies, open_with_companies
from tradeflow.contract import load_contract
from tradeflow.lake import write_table
from tradeflow.serve.access import RIGHTS, SCOPES
from tradeflow.serve.casework import STATUSES
from tradeflow.serve.dossier import KINDS

UNDER_PURPOSE = "investigator with a purpose"
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_headers_conformance, response_schema_conformance]


@dataclass
class Told:
    """What was answered: how often, by asker, operation and status; and what the description does not declare."""

    answers: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    faults: dict[str, str] = field(default_factory=dict)

    @property
    def cases(self) -> int:
        """How many questions were asked."""
        return self.answers.total()


@dataclass(frozen=True)
class Asker:
    """Somebody with a token: the headers of their calls, and how large their share of the questions is."""

    name: str
    headers: dict[str, str]
    share: int


def make_askers(served: Served) -> list[Asker]:
    """Return one of each role, and one whose token is none. Most is asked by the one who may see all."""
    askers = [Asker("nobody", {"Authorization": "Bearer tf_nobody"}, 1)]
    for role, share in {"viewer": 2, "analyst": 2, "administrator": 1, "investigator": 1}.items():
        scopes = [scope for scope in SCOPES if scope in RIGHTS[role]]
        token = make_token(served.signed_in(role), *scopes)
        askers.append(Asker(role, {"Authorization": f"Bearer {token}"}, share))
    return [*askers, Asker(UNDER_PURPOSE, askers[-1].headers | {"X-Purpose": "A made-up enquiry"}, 6)]


def open_for_questions(folder: Path) -> Served:
    """Open the application over leads, companies and a row that was set apart."""
    served = open_with_companies(folder)
    row = ("conform", "trade_flow", "comtrade", "a snapshot", 1, RULES[0], False, '{"a": "1"}')
    write_table(served.lake, "quarantine", pl.DataFrame([row], schema=load_contract("quarantine").schema, orient="row"), "made")
    return served


def ask_everything(operations: list[APIOperation], askers: list[Asker], cases: int, told: Told, begin: int = 0) -> None:
    """Ask up to `cases` questions of each kind and operation for each part of an asker's share, and note what is told."""
    for operation in operations:
        for asker in askers:
            for questions in _questions(operation):
                _ask(operation, questions, asker, cases * asker.share, told, begin)


def describe(app: FastAPI) -> list[APIOperation]:
    """Return the operations of the API as its description declares them."""
    schema = schemathesis.openapi.from_dict(app.openapi())
    schema.app = app
    return [found.ok() for found in schema.get_all_operations()]


def _ask(operation: APIOperation, questions: st.SearchStrategy[Case], asker: Asker, cases: int, told: Told, begin: int) -> None:
    client = get_client(operation.app)

    @seed(begin)
    @settings(max_examples=cases, database=None, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(case=questions)
    def ask_one(case: Case) -> None:
        answer = case.call(base_url=ORIGIN, session=client, headers=dict(asker.headers))
        told.answers[asker.name, operation.label, answer.status_code] += 1
        try:
            case.validate_response(answer, CHECKS, headers=dict(asker.headers))
        except FailureGroup as group:
            for failure in group.exceptions:
                told.faults.setdefault(f"{operation.label}, {answer.status_code}: {failure}", str(group))

    ask_one()


def _questions(operation: APIOperation) -> list[st.SearchStrategy[Case]]:
    """Return what fits the description, what does not, and what the release has an answer for."""
    fitting, fields = operation.as_strategy(), [*operation.iter_parameters(), *operation.body]
    return [fitting, operation.as_strategy(GenerationMode.NEGATIVE), _known_cases(operation)] if fields else [fitting]


@st.composite
def _known_cases(draw: st.DrawFn, operation: APIOperation) -> Case:
    """Put what the release holds into a question: chance alone never hits an id of sixteen digits."""
    case: Case = draw(operation.as_strategy())
    if case.path_parameters:
        case.path_parameters = {name: draw(_known_parameter(operation, name)) for name in case.path_parameters}
    fields = {parameter.name: parameter for parameter in operation.query}
    needed = {name: _QUERY[name] for name, field in fields.items() if field.is_required}
    free = {name: _QUERY[name] for name in fields if name in _QUERY and name not in needed}
    case.query = draw(st.fixed_dictionaries(needed, optional=free))
    if operation.label in _BODIES:
        case.body = draw(_BODIES[operation.label])
    return case


def _known_parameter(operation: APIOperation, name: str) -> st.SearchStrategy[Any]:
    if name == "signal_id":
        return next(ids for part, ids in _SIGNAL_IDS.items() if part in operation.label)
    return _PATH[name]


def _write_cursor(places: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(places).encode()).decode().rstrip("=")


_TABLES = made_with_companies()[0]
_SIGNAL_IDS = {
    "/company-signals/behind/": st.sampled_from(_TABLES.signal_declaration["signal_id"].head(6).to_list()),
    "/company-signals/{": st.sampled_from(_TABLES.company_signal["signal_id"].head(6).to_list()),
    "/signals/{": st.sampled_from(_TABLES.signal["signal_id"].head(6).to_list()),
}
_NAMES = [name for names in NAMES.values() for name in names]
_PLACES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9), lambda part: st.lists(part, max_size=3), max_leaves=4
)
_PATH: dict[str, st.SearchStrategy[Any]] = {
    "entity_id": st.sampled_from([entity_id(key) for key in NAMES]),
    "importer_code": st.sampled_from(IMPORTERS),
    "commodity_code": st.sampled_from(sorted(set(_TABLES.signal["commodity_code"]))),
    "kind": st.sampled_from(sorted(KINDS)),
    "watch_id": st.integers(1, 9),
    "view_id": st.integers(1, 9),
}
_QUERY: dict[str, st.SearchStrategy[Any]] = {
    "rule": st.sampled_from(RULES),
    "substance": st.sampled_from(["acetone", "toluene"]),
    "family": st.just("cocaine"),
    "commodity": st.sampled_from(["29", "291411", "2914.11"]),
    "importer": st.sampled_from(IMPORTERS),
    "sort": st.sampled_from(["rank", "period", "observed", "expected", "excess", "q"]),
    "new": st.booleans(),
    "flagged": st.booleans(),
    "status": st.sampled_from(sorted(set(STATUSES.values()))),
    "area": st.sampled_from(IMPORTERS),
    "entity": st.sampled_from([entity_id(key) for key in NAMES]),
    "steps": st.integers(1, 10),
    "skip": st.integers(0, 9),
    "signal_kind": st.sampled_from(["country", "company"]),
    "role": st.sampled_from(["importer", "exporter", "broker", "consignee"]),
    "limit": st.integers(1, 9),
    # Cursors are JSON in Base64, which chance alone never writes.
    "behind": (_PLACES | st.tuples(st.floats() | st.integers(), st.integers() | st.text(max_size=9))).map(_write_cursor),
    "q": st.sampled_from([*_NAMES, "acetone", "2914", "67-64-1", "Mexico", "24-0000001", "QEXP800101AB1"]),
    "contract": st.sampled_from(["trade_flow", "source_customs_declaration"]),
    "is_set_aside": st.booleans(),
}
_DECISIONS = [
    {"decision": "confirmed"},
    {"decision": "dismissed", "reason_code": "timing"},
    {"decision": "passed_on", "passed_to": "Customs", "reason": "Seen twice."},
    {"decision": "reopened"},
]
_COMPANY = st.fixed_dictionaries({"properties": st.fixed_dictionaries({"name": st.lists(st.sampled_from(_NAMES), min_size=1, max_size=2)})})
_BODIES: dict[str, st.SearchStrategy[Any]] = {
    "POST /api/v1/signals/{signal_id}/decisions": st.sampled_from(_DECISIONS),
    "POST /api/v1/company-signals/{signal_id}/decisions": st.sampled_from(_DECISIONS),
    "POST /api/v1/watched": st.sampled_from(
        [{"watch_kind": "area", "target": "484"}, {"watch_kind": "substance", "target": "acetone"}]
        + [{"watch_kind": "commodity", "target": "2914"}, {"watch_kind": "entity", "target": entity_id("importer")}]
    ),
    "POST /api/v1/views": st.sampled_from([{"name": "Mine", "query": "new=1"}, {"name": "Ours", "query": "", "signal_kind": "company"}]),
    "POST /api/v1/match": st.fixed_dictionaries({"queries": st.dictionaries(st.text(max_size=9), _COMPANY, min_size=1, max_size=3)}),
}
