"""Sign-in through the organisation's own service: OpenID Connect's authorization code flow with PKCE, state and nonce, through Authlib."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from sqlalchemy.orm import Session

from tradeflow.exceptions import SettingsError, TradeflowError
from tradeflow.serve.sessions import hash_secret
from tradeflow.serve.store import OpenIdAttempt
from tradeflow.settings import OpenId

BACK_PATH = "/sign-in/openid/back"
_PATIENCE_SECONDS = 10
_ATTEMPT_MINUTES = 10
_ALGORITHMS = ["RS256", "PS256", "ES256", "EdDSA"]
"""Signatures by the service's private key only: none that a client's secret could make."""


class SignInRefusedError(TradeflowError):
    """The service did not vouch for the person; its text says why."""


@dataclass(frozen=True)
class Vouched:
    """Whom the service vouches for, and the groups that it puts the person in."""

    subject: str
    name: str
    groups: tuple[str, ...]
    next_path: str


def begin_sign_in(store: Session, settings: OpenId, origin: str, next_path: str) -> tuple[str, str]:
    """Write an attempt down; return the service's page to go to, and the state that the browser keeps to show it is the same one."""
    client, service = _client(settings, origin), _read_service(settings)
    state, nonce, verifier = (secrets.token_urlsafe(48) for _ in range(3))
    now = datetime.now(UTC)
    store.execute(sa.delete(OpenIdAttempt).where(OpenIdAttempt.expires_at < now))
    store.add(
        OpenIdAttempt(
            state_hash=hash_secret(state), code_verifier=verifier, nonce=nonce, next_path=next_path,
            expires_at=now + timedelta(minutes=_ATTEMPT_MINUTES),
        )
    )  # fmt: skip
    url, _ = client.create_authorization_url(service["authorization_endpoint"], state=state, nonce=nonce, code_verifier=verifier)
    return str(url), state


def finish_sign_in(store: Session, settings: OpenId, origin: str, state: str, kept_state: str, code: str) -> Vouched:
    """Change the service's code for its word on the person; each attempt works once, in the browser that began it."""
    attempt = store.get(OpenIdAttempt, hash_secret(state))
    if attempt is None or attempt.expires_at < datetime.now(UTC) or not secrets.compare_digest(state.encode(), kept_state.encode()):
        raise SignInRefusedError("This sign-in took too long or began elsewhere; begin again.")
    store.delete(attempt)
    store.commit()  # used up, whatever comes; and no lock is held on the store while the service is asked
    claims = _ask_for_claims(settings, origin, code, attempt)
    groups = claims.get(settings.role_claim) or ()
    name = claims.get("preferred_username") or claims.get("name") or claims["sub"]
    listed = (groups,) if isinstance(groups, str) else tuple(str(group) for group in groups)
    return Vouched(f"{settings.issuer}|{claims['sub']}", str(name), listed, attempt.next_path)


def role_of(groups: Iterable[str], settings: OpenId) -> str:
    """Return the role of a person in these groups: that of the last listed one; SignInRefusedError where none is listed."""
    roles = [role for group, role in settings.roles.items() if group in set(groups)]
    if not roles:
        raise SignInRefusedError("Your organisation's account is in no group that may use this application.")
    return roles[-1]


def _ask_for_claims(settings: OpenId, origin: str, code: str, attempt: OpenIdAttempt) -> dict[str, Any]:
    client, service = _client(settings, origin), _read_service(settings)
    try:
        token = client.fetch_token(
            service["token_endpoint"], code=code, code_verifier=attempt.code_verifier, grant_type="authorization_code",
            timeout=_PATIENCE_SECONDS,
        )  # fmt: skip
        keys = KeySet.import_key_set(_fetch(client, service["jwks_uri"]))
        told = jwt.decode(token["id_token"], keys, algorithms=_ALGORITHMS)
        expected = {"iss": {"essential": True, "value": settings.issuer}, "aud": {"essential": True, "value": settings.client_id}}
        known = {"nonce": attempt.nonce, "client_id": settings.client_id, "access_token": token["access_token"]}
        claims = CodeIDToken(told.claims, told.header, expected, known)
        claims.validate(leeway=60)
    except (AuthlibBaseError, JoseError, KeyError, ValueError, OSError) as error:
        raise SignInRefusedError("The sign-in service did not confirm who you are; begin again or ask its administrator.") from error
    return dict(claims)


def _client(settings: OpenId, origin: str) -> OAuth2Session:
    secret = os.environ.get(settings.secret_variable)
    if not secret:
        raise SettingsError(f"serve.openid: the environment variable {settings.secret_variable} does not hold the client's secret")
    return OAuth2Session(
        settings.client_id, secret, scope="openid profile", redirect_uri=origin + BACK_PATH, code_challenge_method="S256"
    )  # fmt: skip


def _read_service(settings: OpenId) -> dict[str, Any]:
    try:
        described: dict[str, Any] = _fetch(OAuth2Session(), settings.issuer.rstrip("/") + "/.well-known/openid-configuration")
    except (OSError, ValueError) as error:
        raise SignInRefusedError("The sign-in service does not answer; try again later, or use a local account.") from error
    if described.get("issuer") != settings.issuer:
        raise SignInRefusedError(f"The sign-in service calls itself {described.get('issuer')!r}; serve.openid.issuer says otherwise.")
    return described


def _fetch(client: OAuth2Session, url: str) -> Any:
    answer = client.request("GET", url, withhold_token=True, timeout=_PATIENCE_SECONDS)
    answer.raise_for_status()
    return answer.json()
