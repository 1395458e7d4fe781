"""The release, what a country buys, how the run went."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Depends, Path, Query
from pydantic import BaseModel, Field

from tradeflow.serve.access import Right
from tradeflow.serve.api import shapes
from tradeflow.serve.api.unchanged import MARKED
from tradeflow.serve.queries.country import list_codes, list_partners, read_series
from tradeflow.serve.queries.frames import read_rows
from tradeflow.serve.queries.precision import read_precision
from tradeflow.serve.queries.run import names_companies, read_quarantined
from tradeflow.serve.routers import api_router
from tradeflow.serve.visit import Reading, declare_purpose
from tradeflow.telling.wording import READING_NOTE

router = api_router(tags=["release"])
AreaCode = Annotated[int, Path(ge=0, le=100_000, description="UN M49 code.")]
HsCode = Annotated[str, Path(pattern="^[0-9A-Z]{2,6}$", description="HS code.")]


class Partner(BaseModel):
    """What both sides reported on one route."""

    exporter_code: int
    import_net_weight_kg: float | None
    export_net_weight_kg: float | None


class Series(BaseModel):
    """All imports of a code by one country."""

    release_id: str
    importer_code: int
    commodity_code: str
    freq_code: str
    periods: list[shapes.ExplainedPeriod]
    reliability: str | None
    detectable_excess: shapes.row_of("detectable_excess") | None  # type: ignore[valid-type]
    requirements: list[shapes.row_of("requirement_use")]  # type: ignore[valid-type]
    partners: Annotated[list[Partner], Field(description="Routes that the release holds, newest twelve periods, most first.")]


class Run(BaseModel):
    """How the run behind the release went."""

    release_id: str
    manifest: dict[str, Any]
    quarantine: list[shapes.row_of("quarantine_count")]  # type: ignore[valid-type]
    coverage: list[shapes.row_of("coverage")]  # type: ignore[valid-type]
    model_cards: list[shapes.row_of("model_card")]  # type: ignore[valid-type]


class QuarantinedRow(BaseModel):
    """A row that was set apart, as it came."""

    source: str
    snapshot_id: str
    row_number: int
    raw_row: str


@router.get("/release", **MARKED)
def tell_release(visit: Reading) -> shapes.Release:
    """Which release answers, and what it covers."""
    manifest = visit.release.manifest
    periods, counts = manifest.get("periods") or {}, manifest.get("counts") or {}
    return shapes.Release(
        release_id=visit.release_id,
        published_at=visit.release.published_at,
        as_of=manifest.get("as_of"),
        first_period=periods.get("first"),
        last_period=periods.get("last"),
        is_simulated=bool(manifest.get("is_simulated")),
        leads=counts.get("leads"),
        reading_note=READING_NOTE,
    )


@router.get("/countries/{importer_code}", **MARKED)
def list_country(visit: Reading, importer_code: AreaCode) -> list[shapes.SeriesOfCountry]:
    """The codes that a country is judged on, those with the strongest leads first."""
    return [shapes.SeriesOfCountry(**row) for row in list_codes(visit.connection, importer_code)]


@router.get("/countries/{importer_code}/{commodity_code}", **MARKED)
def tell_series(visit: Reading, importer_code: AreaCode, commodity_code: HsCode) -> Series:
    """Imports of a code against expectation, and both sides."""
    series = read_series(visit.connection, importer_code, commodity_code)
    visit.returned("series", [f"{importer_code}/{commodity_code}"])
    return Series(
        release_id=visit.release_id,
        importer_code=importer_code,
        commodity_code=commodity_code,
        freq_code=series.signal["freq_code"],
        periods=[shapes.ExplainedPeriod(**{name: month[name] for name in shapes.ExplainedPeriod.model_fields}) for month in series.months],
        reliability=series.standing,
        detectable_excess=series.detectable,
        requirements=series.requirements,
        partners=[Partner(**row) for row in list_partners(visit.connection, importer_code, commodity_code)],
    )


@router.get("/run", **MARKED)
def tell_run(visit: Reading) -> Run:
    """The manifest, what was set apart, what has come in, and the models' cards."""
    rows = {name: read_rows(visit.connection, name).to_dicts() for name in ("quarantine_count", "coverage", "model_card")}
    return Run(
        release_id=visit.release_id,
        manifest=visit.release.manifest,
        quarantine=rows["quarantine_count"],
        coverage=rows["coverage"],
        model_cards=rows["model_card"],
    )


@router.get("/run/quarantine", dependencies=[Depends(declare_purpose)])
def list_quarantined(
    visit: Reading,
    contract: Annotated[str, Query(max_length=100)],
    rule: Annotated[str, Query(max_length=500)],
    is_set_aside: bool = False,
) -> list[QuarantinedRow]:
    """The first rows that one rule set apart; rows that may name companies are for who may read companies, under a purpose."""
    if names_companies(contract):
        visit.hold_to(Right.READ_COMPANIES, needs_purpose=True)
    rows = read_quarantined(visit.lake, contract, rule, is_set_aside=is_set_aside)
    visit.returned("quarantine", [f"{row['snapshot_id']}:{row['row_number']}" for row in rows])
    return [QuarantinedRow(**{name: row[name] for name in QuarantinedRow.model_fields}) for row in rows]


@router.get("/precision")
def list_precision(
    visit: Reading, signal_kind: Annotated[Literal["country", "company"], Query(description="Which list of leads.")] = "country"
) -> list[shapes.Precision]:
    """What people's decisions say of a list, over all rules and rule by rule; of the leads on companies for who may read these."""
    if signal_kind == "company":
        visit.hold_to(Right.READ_COMPANIES)
    return [
        shapes.Precision(
            rule=each.rule,
            confirmed=each.confirmed,
            dismissed=each.dismissed,
            passed_on=each.passed_on,
            confirmed_share=each.share,
            lower_share=each.interval[0] if each.interval else None,
            upper_share=each.interval[1] if each.interval else None,
        )
        for each in read_precision(visit.connection, signal_kind)
    ]
