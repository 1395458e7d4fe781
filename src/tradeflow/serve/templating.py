"""How pages are written: Jinja2, everything escaped, a missing value an error; static files under names that change with their content."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

import jinja2

from tradeflow import telling
from tradeflow.serve.page_words import FILTERS, GLOBALS
from tradeflow.serve.translations import translator
from tradeflow.telling import templating as told
from tradeflow.telling.language import tell_in

STATIC_FOLDERS = (Path(__file__).parent / "static", Path(telling.__path__[0]) / "static")


def make_environment() -> jinja2.Environment:
    """Return the environment that every page is written in."""
    environment = jinja2.Environment(
        loader=jinja2.ChoiceLoader([jinja2.PackageLoader("tradeflow.serve"), told.TEMPLATES]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters |= told.FILTERS | FILTERS
    environment.globals |= {"static_url": static_url} | told.GLOBALS | GLOBALS
    return environment


def render(environment: jinja2.Environment, template: str, language: str, **values: Any) -> str:
    """Write a page in a language."""
    with tell_in(translator(language)):
        return environment.get_template(template).render(language=language, **values)


@cache
def static_url(name: str) -> str:
    """Return the address of a static file, with a mark of its content, so that browsers keep it until it changes."""
    path = next(folder / name for folder in STATIC_FOLDERS if (folder / name).is_file())
    return f"/static/{name}?v={hashlib.sha256(path.read_bytes()).hexdigest()[:12]}"
