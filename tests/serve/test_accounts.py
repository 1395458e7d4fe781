"""Accounts: names in any letters, passwords that are reset, tries that are counted."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from tests.serve.conftest import PASSWORD, Served, make_token
from tradeflow.lake import Lake
from tradeflow.serve.accounts import add_account, check_password
from tradeflow.serve.store import ApiToken
from tradeflow.settings import Serve, Settings


def test_a_password_that_is_reset_takes_the_tokens_with_it(served: Served) -> None:
    """Who knew the old password may have made one; it would live again once the owner has chosen a new password."""
    analyst, administrator = served.signed_in("analyst"), served.signed_in("administrator")
    assert analyst.post("/account/tokens", label="mine", scopes="read_signals", days="30").status_code == 200
    assert administrator.post(f"/users/{analyst.name}/reset").status_code == 200
    with served.writing() as store:
        assert store.scalars(sa.select(ApiToken.revoked_at)).one() is not None


def test_tries_at_ones_own_password_are_counted(lake: Lake, open_app: Callable[..., Served]) -> None:
    """Who holds a session only must not find out the password by it."""
    visitor = open_app(lake, Settings(serve=Serve(sign_ins_per_minute=4))).signed_in("viewer")
    codes = [visitor.post("/password", old="guess", new="another quiet goose").status_code for _ in range(4)]
    assert codes[0] == 400
    assert codes[-1] == 429
    assert visitor.post("/password", old=PASSWORD, new="another quiet goose").status_code == 429


@pytest.mark.parametrize("name", ["Ángela", "ÑANDÚ", "Жанна"])
def test_a_name_is_found_whatever_its_letters(served: Served, name: str) -> None:
    with served.writing() as store, store.begin():
        once = add_account(store, name, "viewer")
    for typed in (name, name.lower(), name.upper()):
        with served.writing() as store:
            assert check_password(store, typed, once) is not None


@pytest.mark.parametrize(("header", "status"), [("x", 403), ("a review of C-7", 404)])
def test_a_program_says_as_much_as_a_person(served_on_sqlite: Served, header: str, status: int) -> None:
    """The form takes no single letter for a purpose; neither does the header."""
    token = make_token(served_on_sqlite.signed_in("investigator"), "read_companies")
    headers = {"Authorization": f"Bearer {token}", "X-Purpose": header}
    assert served_on_sqlite.visitor().get("/api/v1/companies/none", headers=headers).status_code == status
