"""How the run behind the release went, down to the rows that were set apart."""

from __future__ import annotations

from fastapi import Response

from tradeflow.serve.access import Right
from tradeflow.serve.queries.run import ROWS_SHOWN, describe_run, names_companies, read_freshness, read_quarantined
from tradeflow.serve.routers import page_router
from tradeflow.serve.translations import translator
from tradeflow.serve.visit import Reading
from tradeflow.telling.language import tell_in

router = page_router()


@router.get("/run")
def show_run(visit: Reading) -> Response:
    """Freshness, coverage, quarantine, reliability, models, times, versions, settings."""
    with tell_in(translator(visit.language)):
        described = describe_run(visit.connection, visit.release_id, visit.release.manifest, visit.language)
        return visit.page("run.html", freshness=read_freshness(visit.lake), names_companies=names_companies, **described)


@router.get("/run/quarantine")
def show_quarantined(visit: Reading, contract: str, rule: str, is_set_aside: bool = False) -> Response:
    """The rows that one rule set apart; rows that may name companies are for who may read companies, under a purpose."""
    if names_companies(contract):
        visit.hold_to(Right.READ_COMPANIES, needs_purpose=True)
    rows = read_quarantined(visit.lake, contract, rule, is_set_aside=is_set_aside)
    visit.returned("quarantine", [f"{row['snapshot_id']}:{row['row_number']}" for row in rows])
    return visit.page("quarantine.html", contract=contract, rule=rule, is_set_aside=is_set_aside, rows=rows, most=ROWS_SHOWN)
