"""A company's dossier as a file to hand on: on paper, as a spreadsheet, for other investigators' tools."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tradeflow.exceptions import NotFoundError
from tradeflow.serve.queries.company import CompanyFile
from tradeflow.serve.translations import translator
from tradeflow.serve.visit import Visit
from tradeflow.telling.language import tell_in

MOST_ITEMS = 5_000
"""Declared items that a dossier holds, the newest: a customs broker may stand on millions."""


@dataclass(frozen=True)
class Kind:
    """A kind of file: its ending, its media type and how it is written."""

    ending: str
    media_type: str
    write: Callable[[CompanyFile, Visit], bytes]


def write_dossier(kind: str, company: CompanyFile, visit: Visit) -> bytes:
    """Return a company's dossier as a file of a kind of KINDS, in the language of the visit; NotFoundError for any other kind."""
    if kind not in KINDS:
        raise NotFoundError(f"no dossier of kind {kind!r}; there are {', '.join(KINDS)}")
    with tell_in(translator(visit.language)):
        return KINDS[kind].write(company, visit)


def _write_pdf(company: CompanyFile, visit: Visit) -> bytes:
    from tradeflow.serve.dossier.content import describe_company
    from tradeflow.serve.dossier.paper import write_pdf

    return write_pdf(describe_company(company, visit), visit.language)


def _write_xlsx(company: CompanyFile, visit: Visit) -> bytes:
    from tradeflow.serve.dossier.content import describe_company
    from tradeflow.serve.dossier.sheets import write_xlsx

    return write_xlsx(describe_company(company, visit))


def _write_graph(company: CompanyFile, visit: Visit) -> bytes:
    from tradeflow.serve.dossier.graph import write_follow_the_money_lines

    return write_follow_the_money_lines(company, visit.release)


KINDS = {
    "pdf": Kind("pdf", "application/pdf", _write_pdf),
    "xlsx": Kind("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", _write_xlsx),
    "ftm": Kind("ftm.json", "application/x-ndjson", _write_graph),
}
