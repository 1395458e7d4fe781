"""Write the declarations of the countries that open theirs, what authorities have on record about them, and the truth."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, time
from pathlib import Path

import numpy as np
import polars as pl

from tradeflow.sample.chance import named_generator
from tradeflow.sample.company_cases import CompanyPlan, plant_company_cases
from tradeflow.sample.company_casting import Scene, Told, set_scene
from tradeflow.sample.company_innocence import let_business_happen
from tradeflow.sample.declaration_rows import dress_items, list_ordinary_items, list_paper_items
from tradeflow.sample.incidents import INCIDENT_COLUMNS, report_incidents
from tradeflow.sample.licences import LICENCE_COLUMNS, add_up_use, licence_companies
from tradeflow.sample.notifications import NOTIFICATION_COLUMNS, notify_exports
from tradeflow.sample.ordinary_trade import declare_ordinary_goods
from tradeflow.sample.papers import Customs, months_of, paper_number, print_numbers, read_papers, years_of
from tradeflow.sample.register import SPELLINGS

SMALLEST_ITEMS, LARGEST_ITEMS = 10_000, 50_000_000
_ITEMS_PER_PAPER = 1.22
_FEWEST_ORDINARY = 0.25
"""Of what the papers behind the statistics come to, at least this share is declared of other goods."""


@dataclass(frozen=True)
class DeclarationSummary:
    """What was written."""

    items: int
    files: int
    planted_cases: int
    innocent_events: int


def write_declarations(out: Path, customs: Customs, items: int) -> DeclarationSummary:
    """Write `declarations/`, the tables of authorities and the truth into a folder; one month of one country is in memory at a time."""
    scene, cases, events = _plant(customs)
    papers = sum(len(read_papers(customs, reporter, year)) for reporter in customs.opened.tolist() for year in years_of(customs))
    ordinary = max(items - _ITEMS_PER_PAPER * papers, _FEWEST_ORDINARY * _ITEMS_PER_PAPER * papers)
    written, files, use, of_cases = _write_months(out, customs, scene, ordinary)
    licence_companies(customs, pl.concat(use), scene.licences).select(LICENCE_COLUMNS).write_csv(out / "licensed_operator.csv")
    pl.concat(of_cases).sort("case_id", "declaration_id").write_csv(out / "planted_case_declaration.csv")
    ids = [_declared(customs, scene, told) for _, told in cases]
    report_incidents(customs, [told for _, told in cases], ids).select(INCIDENT_COLUMNS).write_csv(out / "precursor_incident.csv")
    _write_truth(out, customs, scene, cases, events)
    return DeclarationSummary(written, files, len(cases), len(events))


def _plant(customs: Customs) -> tuple[Scene, list[tuple[CompanyPlan, Told]], list[tuple[str, Told]]]:
    scene, cases = plant_company_cases(set_scene(customs))
    scene, events = let_business_happen(scene)
    return scene, cases, events


def _write_months(out: Path, customs: Customs, scene: Scene, ordinary: float) -> tuple[int, int, list[pl.DataFrame], list[pl.DataFrame]]:
    """Every country, year and month in turn: items and files written, what companies used, the papers of planted diversions."""
    changed = scene.papers.partition_by("reporter", "month", as_dict=True)
    share = _ordinary_share(customs, ordinary)
    written = files = 0
    use, of_cases = list[pl.DataFrame](), list[pl.DataFrame]()
    with (out / "pre_export_notification.csv").open("wb") as notifications:
        notifications.write((",".join(NOTIFICATION_COLUMNS) + "\n").encode())
        for reporter in customs.opened.tolist():
            for year in years_of(customs):
                papers = read_papers(customs, reporter, year)
                for month in months_of(customs, year):
                    mine = changed.get((reporter, month), papers.filter(pl.col("month") == month))
                    written += _write_month(out, customs, reporter, month, mine, share[reporter])
                    notify_exports(customs, mine).write_csv(notifications, include_header=False)
                    use.append(add_up_use(customs, mine))
                    of_cases.append(_list_case_papers(customs, mine))
                    files += 1
    return written, files, use, of_cases


def _list_case_papers(customs: Customs, papers: pl.DataFrame) -> pl.DataFrame:
    """The declarations of a month that belong to a diversion in planted_case.csv."""
    mine = papers.filter(pl.col("case") > 0)
    number = mine.select(number=paper_number(pl.lit(0)))["number"].to_numpy()
    ids = print_numbers(customs.offices.areas.code[mine["reporter"].to_numpy()], number)
    return mine.select(case_id=pl.format("case-{}", pl.col("case").cast(pl.String).str.zfill(2)), declaration_id=ids)


def _ordinary_share(customs: Customs, ordinary: float) -> dict[int, float]:
    """Items of other goods that each country declares in a month: more in a larger economy."""
    weight = customs.offices.areas.weight[customs.opened] ** 0.6
    per_month = ordinary * weight / weight.sum() / len(customs.months)
    return dict(zip(customs.opened.tolist(), per_month.tolist(), strict=True))


def _write_month(out: Path, customs: Customs, reporter: int, month: int, papers: pl.DataFrame, ordinary: float) -> int:
    clock, areas = customs.offices.clock, customs.offices.areas
    rng = named_generator(customs.seed, "declared month", reporter, month)
    days = int(clock.month_start[month]), int(clock.month_start[month + 1])
    count = int(rng.poisson(ordinary))
    heads = declare_ordinary_goods(customs.market, reporter, month, days, count, rng)
    items = pl.concat([list_paper_items(customs, papers, rng), list_ordinary_items(customs, heads, rng)], how="vertical_relaxed")
    period = clock.periods[month]
    path = out / "declarations" / areas.iso[reporter] / f"{areas.iso[reporter]}_{period}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    dress_items(customs, items, month, rng).write_csv(path)
    _write_manifest(path, customs, int(areas.code[reporter]), period)
    return len(items)


def _write_manifest(path: Path, customs: Customs, area_code: int, period: int) -> None:
    manifest = {
        "source": "customs",
        "query": {"reporter": str(area_code), "period": str(period)},
        "retrieved_at": datetime.combine(customs.world.today, time(5, tzinfo=UTC)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "licence": "simulated, no restriction",
        "scope": {},
    }
    path.with_name(f"{path.name}.manifest.json").write_text(json.dumps(manifest) + "\n", encoding="utf-8")


def _declared(customs: Customs, scene: Scene, told: Told) -> list[str]:
    """The numbers of the declarations that its papers are, every part of each."""
    papers = scene.papers[told.rows]
    parts = papers["parts"].to_numpy()
    row = np.repeat(np.arange(len(papers)), parts)
    part = np.arange(parts.sum()) - np.repeat(np.cumsum(parts) - parts, parts)
    numbered = papers[row].with_columns(_part=pl.Series(part)).select(number=paper_number(pl.col("_part")))
    return print_numbers(customs.offices.areas.code[papers["reporter"].to_numpy()[row]], numbered["number"].to_numpy()).to_list()


def _write_truth(out: Path, customs: Customs, scene: Scene, cases: list[tuple[CompanyPlan, Told]], events: list[tuple[str, Told]]) -> None:
    """`planted_company_case.csv`, `innocent_company_event.csv` and `simulated_company.csv`."""
    planted = [
        {"case_id": plan.case_id, "expected_rule": plan.rule, "case_strength": plan.strength}
        | _truth(customs, scene, told)
        | {"excess_kg": None if told.excess_kg is None else round(told.excess_kg, 3), "planted_text": told.text}
        for plan, told in cases
    ]
    innocent = [
        {"event_id": f"company-event-{number:02d}", "kind": kind} | _truth(customs, scene, told) | {"planted_text": told.text}
        for number, (kind, told) in enumerate(events, start=1)
    ]
    _write_rows(out / "planted_company_case.csv", planted)
    _write_rows(out / "innocent_company_event.csv", innocent)
    register, areas = customs.market.register, customs.offices.areas
    pl.DataFrame(
        {
            "company_key": register.key,
            "company_name": register.names.gather_every(SPELLINGS),
            "company_country": np.array(areas.iso)[register.country],
            "company_number": register.number,
            "line_of_business": np.array(register.lines.name)[register.line],
        }
    ).write_csv(out / "simulated_company.csv")


def _truth(customs: Customs, scene: Scene, told: Told) -> dict[str, object]:
    register, periods = customs.market.register, customs.offices.clock.periods
    papers = scene.papers[told.rows]
    return {
        "reporter_code": int(customs.offices.areas.code[papers["reporter"][0]]),
        "company_keys": ";".join(register.key[company] for company in told.companies),
        "company_names": ";".join(register.name(company).replace(";", ",") for company in told.companies),
        "declaration_ids": ";".join(_declared(customs, scene, told)),
        "substance_code": None if told.item not in customs.substances else customs.substances[told.item].code,
        "first_period": periods[int(papers["month"].min())],  # type: ignore[arg-type]
        "last_period": periods[int(papers["month"].max())],  # type: ignore[arg-type]
    }


def _write_rows(path: Path, rows: Iterable[dict[str, object]]) -> None:
    pl.DataFrame(list(rows), infer_schema_length=None).write_csv(path)
