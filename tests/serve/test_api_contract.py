from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi import FastAPI

from tests.serve.api_contract import UNDER_PURPOSE, Asker, Told, ask_everything, describe, make_askers, open_for_questions
from tests.serve.conftest import ORIGIN, Served
from tradeflow.serve.access import ROLES


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, cheap_hashing: None) -> Iterator[Served]:
    served = open_for_questions(tmp_path_factory.mktemp("contract"))
    yield served
    served.app.state.house.stores.dispose()


@pytest.fixture(scope="module")
def askers(served: Served) -> dict[str, Asker]:
    return {asker.name: asker for asker in make_askers(served)}


@pytest.mark.parametrize("name", ["nobody", *ROLES, UNDER_PURPOSE])
def test_every_answer_is_one_that_the_description_declares(name: str, served: Served, askers: dict[str, Asker]) -> None:
    told = Told()
    ask_everything(describe(served.app), [askers[name]], 1, told)
    assert not told.faults, "\n".join(told.faults.values())
    answered = {operation for _, operation, status in told.answers if status < 300}
    if name == UNDER_PURPOSE:
        assert answered == {operation.label for operation in describe(served.app)}
    if name == "nobody":
        assert not answered


def test_an_answer_that_is_not_declared_is_found() -> None:
    app = FastAPI()

    @app.get("/shape")
    def tell_shape() -> list[int]:
        return []

    @app.get("/status", status_code=299)
    def tell_status() -> None:
        return None

    described = app.openapi()
    described["paths"]["/status"]["get"]["responses"] = {"200": {"description": "Fine."}}
    described["paths"]["/shape"]["get"]["responses"]["200"]["content"]["application/json"]["schema"] = {"type": "object"}
    told = Told()
    ask_everything(describe(app), [Asker("anybody", {"Origin": ORIGIN}, 1)], 1, told)
    assert sorted(fault.split(":")[0] for fault in told.faults) == ["GET /shape, 200", "GET /status, 299"]
