"""In through the organisation's own sign-in service."""

from __future__ import annotations

from fastapi import Response

from tradeflow.exceptions import NotFoundError
from tradeflow.serve.accounts import enter_by_subject, leave_by_subject
from tradeflow.serve.house.door import enter
from tradeflow.serve.links import own_path
from tradeflow.serve.openid import BACK_PATH, SignInRefusedError, Vouched, begin_sign_in, finish_sign_in, role_of
from tradeflow.serve.routers import page_router
from tradeflow.serve.security import public_origin
from tradeflow.serve.visit import AnyVisit, Visit
from tradeflow.settings import OpenId

router = page_router()
_STATE_COOKIE = "tradeflow_openid"


@router.get("/sign-in/openid")
def leave_for_service(visit: AnyVisit, next: str = "/") -> Response:  # noqa: A002
    """Send the browser to the service."""
    settings = _openid(visit)
    visit.action = "begin_sign_in"
    url, state = begin_sign_in(visit.case_store, settings, public_origin(visit.settings.serve), own_path(next))
    answer = visit.go(url)
    answer.set_cookie(
        _STATE_COOKIE, state, max_age=600, path="/sign-in", secure=visit.house.is_encrypted, httponly=True, samesite="lax"
    )  # fmt: skip
    return answer


@router.get(BACK_PATH)
def come_back(visit: AnyVisit, state: str = "", code: str = "", error: str = "") -> Response:
    """Take the service's word on who came back."""
    settings = _openid(visit)
    visit.action = "sign_in"
    if error or not code:
        raise SignInRefusedError("The sign-in service turned you away; begin again or ask its administrator.")
    kept_state = visit.request.cookies.get(_STATE_COOKIE, "")
    vouched = finish_sign_in(visit.case_store, settings, public_origin(visit.settings.serve), state, kept_state, code)
    visit.actor = vouched.name[:64]
    account = enter_by_subject(visit.case_store, vouched.subject, vouched.name, _find_role(visit, settings, vouched))
    if not account.is_active:
        raise SignInRefusedError("Your account here is closed.")
    answer = enter(visit, account.account_id, vouched.next_path)
    answer.delete_cookie(_STATE_COOKIE, path="/sign-in")
    return answer


def _find_role(visit: Visit, settings: OpenId, vouched: Vouched) -> str:
    """Return the role that the person's groups give; who has none any more loses what is still open, and that is kept."""
    try:
        return role_of(vouched.groups, settings)
    except SignInRefusedError:
        leave_by_subject(visit.case_store, vouched.subject)
        visit.case_store.commit()
        raise


def _openid(visit: Visit) -> OpenId:
    if visit.settings.serve.openid is None:
        raise NotFoundError("No sign-in service is set up here (serve.openid).")
    return visit.settings.serve.openid
