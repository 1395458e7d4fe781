"""Answers that depend on the release and the address alone: who has them already is told so."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Header, Response
from starlette.exceptions import HTTPException

from tradeflow.serve.visit import Reading


class NotChangedError(HTTPException):
    """What was asked for is what the asker has."""

    def __init__(self, etag: str) -> None:
        super().__init__(304, headers={"ETag": etag})


def mark(
    visit: Reading,
    response: Response,
    if_none_match: Annotated[str, Header(description="The ETag of the answer that one has.")] = "",
) -> None:
    """Put the mark on an answer; NotChangedError where the asker sent it back."""
    etag = visit.etag()
    if etag in if_none_match:
        raise NotChangedError(etag)
    response.headers.update({"ETag": etag, "Cache-Control": "private, no-cache"})


_ETAG = {"ETag": {"description": "Mark of the release and the address.", "schema": {"type": "string"}}}
MARKED: dict[str, Any] = {
    "dependencies": [Depends(mark)],
    "responses": {
        200: {"headers": _ETAG},
        304: {"description": "Not changed since the release whose ETag was sent as If-None-Match.", "headers": _ETAG},
    },
}
"""What a route takes whose answer depends on nothing else."""
