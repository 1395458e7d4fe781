"""Who may do what: four roles, each a set of rights. An administrator manages accounts and reads the log, and sees no company."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Right(StrEnum):
    """What a route asks for; an API token carries some of them as its scopes."""

    READ_SIGNALS = "read_signals"
    DECIDE = "decide"
    READ_COMPANIES = "read_companies"
    MANAGE_ACCOUNTS = "manage_accounts"
    READ_AUDIT = "read_audit"


RIGHTS: dict[str, frozenset[Right]] = {
    "viewer": frozenset({Right.READ_SIGNALS}),
    "analyst": frozenset({Right.READ_SIGNALS, Right.DECIDE}),
    "investigator": frozenset({Right.READ_SIGNALS, Right.DECIDE, Right.READ_COMPANIES}),
    "administrator": frozenset({Right.READ_SIGNALS, Right.MANAGE_ACCOUNTS, Right.READ_AUDIT}),
}
ROLES = tuple(RIGHTS)
_SHORTEST_PURPOSE = 8
SCOPES = (Right.READ_SIGNALS, Right.DECIDE, Right.READ_COMPANIES)


@dataclass(frozen=True)
class Person:
    """Who asks, with the rights of this visit: those of the role, less what the API token leaves out."""

    account_id: int
    name: str
    role: str
    rights: frozenset[Right]
    must_change_password: bool = False

    def may(self, right: str) -> bool:
        """Say whether this visit has a right."""
        return right in self.rights


@dataclass(frozen=True)
class Purpose:
    """Why companies are opened: said before the first one, and written beside each."""

    purpose: str
    case_number: str | None
    expires_at: datetime | None


def says_why(purpose: str, case_number: str) -> bool:
    """Tell whether a purpose is more than a letter to get past the question: a few words, or a case number."""
    return len(purpose.strip()) >= _SHORTEST_PURPOSE or bool(case_number.strip())


class NotSignedInError(Exception):
    """Nobody is signed in, the session is over, or the token is not good."""


class ForbiddenError(Exception):
    """The person's role, or the token's scopes, do not hold the right; carries it."""

    def __init__(self, right: Right) -> None:
        super().__init__(right)
        self.right = right


class PurposeNeededError(Exception):
    """A company was asked for and no purpose stands."""


class PasswordChangeNeededError(Exception):
    """The one-time password has opened the door, and opens nothing else."""
