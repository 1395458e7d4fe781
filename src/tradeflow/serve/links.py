"""Addresses of pages, with the fields that a page was asked with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode


def link(path: str, fields: Mapping[str, Any] | None = None, **changed: Any) -> str:
    """Return a path with fields behind it, some of them changed; a field that is None or empty is left out."""
    stated = {name: value for name, value in {**(fields or {}), **changed}.items() if value not in (None, "")}
    return f"{path}?{urlencode(stated)}" if stated else path


def own_path(path: str) -> str:
    """Return a path of ours to go on to; anything that could lead to another site leads to the first page."""
    is_ours = path.startswith("/") and not path.startswith("//") and "\\" not in path and path.isprintable()
    return path if is_ours else "/"
