"""Answers that depend on the release and the address alone: who has them already is told so."""

from __future__ import annotations

from typing import Any

from fastapi import Response
from starlette.exceptions import HTTPException

from tradeflow.serve.visit import Visit

NOT_CHANGED: dict[int | str, dict[str, Any]] = {304: {"description": "Not changed since the release whose ETag was sent as If-None-Match."}}


class NotChangedError(HTTPException):
    """What was asked for is what the asker has."""

    def __init__(self, etag: str) -> None:
        super().__init__(304, headers={"ETag": etag})


def mark(visit: Visit, response: Response) -> None:
    """Put the mark on an answer; NotChangedError where the asker sent it back."""
    etag = visit.etag()
    if etag in visit.request.headers.get("if-none-match", ""):
        raise NotChangedError(etag)
    response.headers.update({"ETag": etag, "Cache-Control": "private, no-cache"})
