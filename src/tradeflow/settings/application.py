"""What a release shows, and the application that people open."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from tradeflow.settings.section import Section


class Publish(Section):
    """What the release shows."""

    leads: Annotated[int, Field(ge=1)] = 50
    """Leads shown in full in the report."""
    companies: bool = True
    """Whether the release holds companies and their declarations; false leaves them out of every file, the report and the serving database,
    so that it can be shared."""
    title: str = "tradeflow"
    """Name at the head of the report."""
    is_current: bool = True
    """Whether the release becomes the one that `tradeflow signals` and the application show."""


class OpenId(Section):
    """Sign-in through the organisation's own service (OpenID Connect), beside the accounts of `tradeflow user`."""

    issuer: Annotated[str, Field(pattern="^https?://")]
    """Address of the service, as its own configuration names it."""
    client_id: str
    """The name that the service knows this application by."""
    secret_variable: str = "TRADEFLOW_OPENID_SECRET"
    """Environment variable that holds the secret that the service gave this application."""
    role_claim: str = "roles"
    """The claim of the service's answer that names a person's groups."""
    roles: dict[str, Literal["viewer", "analyst", "investigator", "administrator"]] = {}
    """Role of each group; of several the last listed counts, and who is in none of them is turned away."""
    vouched_hours: Annotated[int, Field(ge=1, le=8784)] = 72
    """How long the service's word on a person holds; then their sessions and API tokens open nothing until they sign in again."""


class Serve(Section):
    """The application that people open (`tradeflow serve`)."""

    host: str = "127.0.0.1"
    """Address to listen at; another than this machine's own is refused without an encrypted `public_url` or a certificate."""
    port: Annotated[int, Field(ge=1, le=65535)] = 8383
    """Port to listen at."""
    public_url: Annotated[str, Field(pattern=r"^(https?://([^/:@]+|\[[0-9a-fA-F:]+\])(:[0-9]{1,5})?)?$")] = ""
    """What people type, behind a proxy: `https://name`, encrypted unless it is this machine; empty: the host and port above."""
    certificate: Path | None = None
    """TLS certificate (PEM), to encrypt without a proxy."""
    certificate_key: Path | None = None
    """Its private key."""
    session_hours: Annotated[int, Field(ge=1, le=168)] = 12
    """After so long everybody signs in again."""
    idle_minutes: Annotated[int, Field(ge=5)] = 60
    """A session that was not used for so long is over."""
    purpose_minutes: Annotated[int, Field(ge=5)] = 60
    """How long companies can be opened under one stated purpose."""
    requests_per_minute: Annotated[int, Field(ge=10)] = 600
    """Requests a minute from one address at the most."""
    sign_ins_per_minute: Annotated[int, Field(ge=1)] = 10
    """Tries to sign in a minute, from one address and to one account, at the most."""
    audit_folder: Path | None = None
    """Where the audit log's key and anchor lie, best on another disk; empty: beside the case store."""
    openid: OpenId | None = None
    """The organisation's sign-in service; empty: only accounts of `tradeflow user`."""
