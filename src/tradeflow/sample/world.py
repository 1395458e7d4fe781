"""Write a whole simulated world into a folder: plan, simulate item by item, publish reporter by reporter."""

import json
import shutil
import tempfile
import zlib
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from tradeflow.sample.answers import ReporterStyle, retrieval_time, to_answer_rows, write_period_answers
from tradeflow.sample.availability import Publication, write_availability
from tradeflow.sample.declarations import LARGEST_ITEMS, SMALLEST_ITEMS, DeclarationSummary, write_declarations
from tradeflow.sample.diversions import PlantedCase
from tradeflow.sample.documents import FIRST_RELEASE, REVISION, edition_in_use
from tradeflow.sample.innocence import InnocentEvent
from tradeflow.sample.papers import open_customs, stage_papers
from tradeflow.sample.simulation import World, count_cells, key_documents, market_of, plan_world, stage_item
from tradeflow.sample.tables import StandardUnitValues, publish_table
from tradeflow.sample.truth_tables import write_truth
from tradeflow.sample.warehouse import load_cells, store_cells

DEFAULT_TODAY = date(2025, 2, 20)
SMALLEST_SIZE, LARGEST_SIZE = 10_000, 100_000_000
_MARK = "world.json"
_SOURCES = ("answers", "declarations", "licensed_operator.csv", "pre_export_notification.csv", "precursor_incident.csv")
_README = """THIS WORLD IS SIMULATED. None of these figures is real.

Countries, codes and the layout are those of UN Comtrade's monthly answers, so that the same program reads both. Every
quantity, price, mistake and diversion was drawn by a random generator. Nothing here says anything about any country,
company or person. Do not cite, do not publish as statistics, do not mix with real data.

run.toml                       settings for `tradeflow run --config` that name the sources below, and not the truth
answers/<date of retrieval>/   what a client would have received, each file with its manifest
availability/<date>.json       what the availability endpoint would have said on that date
planted_case.csv               the diversions that were planted: the truth to find
innocent_event.csv             things that look odd and are not: the truth to leave alone
reporter_care.csv              how carelessly each reporter was made to work
"""
_README_OF_DECLARATIONS = """
Every company is made up as well: names, numbers, addresses, licences, notifications.

declarations/<country>/        declared items by country and month, each file with its manifest; they add up to the statistics
licensed_operator.csv          who may trade in what
pre_export_notification.csv    what authorities told one another before goods left
precursor_incident.csv         what went wrong, as authorities told one another
planted_company_case.csv       the cases that were planted in the declarations: the truth to find
planted_case_declaration.csv   the declarations of the diversions in planted_case.csv
innocent_company_event.csv     ordinary business that looks odd: the truth to leave alone
simulated_company.csv          the companies
"""


@dataclass(frozen=True)
class WorldSummary:
    """What was written. `rows` counts every row of every answer, re-published months each time."""

    rows: int
    files: int
    periods: int
    reporters: int
    commodities: int
    planted_cases: int
    folder: Path
    declared: DeclarationSummary | None


def write_world(out: Path, size: int = 150_000, seed: int = 1, today: date = DEFAULT_TODAY, declared_items: int = 0) -> WorldSummary:
    """Write a world of about `size` trade rows and `declared_items` items of declarations; the same arguments give the same bytes.

    Without declarations the rest is the same. Raises ValueError for a number out of range and for a folder that holds something else.
    """
    if not SMALLEST_SIZE <= size <= LARGEST_SIZE:
        raise ValueError(f"size is {size}; it must lie between {SMALLEST_SIZE} and {LARGEST_SIZE} rows")
    if declared_items and not SMALLEST_ITEMS <= declared_items <= LARGEST_ITEMS:
        raise ValueError(f"declared items are {declared_items}; 0 or {SMALLEST_ITEMS} to {LARGEST_ITEMS} are possible")
    out = Path(out)
    _refuse_foreign_folder(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    building = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        summary = _build(building, out, plan_world(size, seed, today), size, declared_items)
        if out.exists():
            shutil.rmtree(out)
        building.chmod(0o755)
        building.rename(out)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return summary


def _refuse_foreign_folder(out: Path) -> None:
    if out.exists() and not out.is_dir():
        raise ValueError(f"{out} is a file; give the name of a folder that is new or empty")
    if out.exists() and any(out.iterdir()) and not (out / _MARK).exists():
        raise ValueError(f"{out} holds files that are not a simulated world; give a new or empty folder")


def _build(folder: Path, out: Path, world: World, size: int, declared_items: int) -> WorldSummary:
    cells = folder / "cells"
    cells.mkdir()
    customs = open_customs(world, cells, size, declared_items) if declared_items else None
    cases: list[PlantedCase] = []
    events: list[InnocentEvent] = []
    for place in range(len(world.items)):
        goods, planted, innocent = stage_item(world, place)
        cases, events = cases + planted, events + innocent
        documents = key_documents(world, goods, place)
        store_cells(cells, count_cells(world, documents), world.offices.clock)
        if customs is not None:
            stage_papers(customs, goods, documents)
    write_truth(folder, cases, events, world.offices)
    rows, files, publications = _publish_all(folder, cells, world)
    declared = write_declarations(folder, customs, declared_items) if customs is not None else None
    shutil.rmtree(cells)
    for day in world.offices.clock.pull_days.tolist():
        write_availability(folder / "availability", publications, day)
    (folder / "README.txt").write_text(_README + (_README_OF_DECLARATIONS if declared_items else ""), encoding="utf-8")
    _write_settings(folder)
    mark = {"size": size, "seed": world.seed, "today": world.today.isoformat(), "rows": rows, "files": files}
    mark |= {"declared_items": declared.items} if declared else {}
    (folder / _MARK).write_text(json.dumps(mark) + "\n", encoding="utf-8")
    return WorldSummary(
        rows=rows,
        files=files,
        periods=len(world.offices.clock.periods),
        reporters=world.offices.areas.reporter_count,
        commodities=len(_all_codes(world)),
        planted_cases=len(cases),
        folder=out,
        declared=declared,
    )


def _write_settings(folder: Path) -> None:
    """Name the sources that were written; the truth is none of them."""
    there = [name for name in _SOURCES if (folder / name).exists()]
    (folder / "run.toml").write_text("".join(f'[[sources]]\nkind = "files"\npath = "{name}"\n\n' for name in there), encoding="utf-8")


def _all_codes(world: World) -> list[str]:
    return [str(code) for code in sorted({code for item in world.items for code in item.codes})]


def _standard_unit_values(world: World) -> StandardUnitValues:
    prices: dict[int, float] = {}
    for place, item in enumerate(world.items):
        for code in item.codes[::-1]:
            prices.setdefault(code, float(np.median(market_of(world, place).price_usd_per_kg)))
    codes = np.array(sorted(prices), dtype=np.int64)
    return StandardUnitValues(codes, np.array([prices[int(code)] for code in codes]))


def _publish_all(folder: Path, cells: Path, world: World) -> tuple[int, int, list[Publication]]:
    """Every reporter and year in turn: rows written, files written, and what was published when."""
    prices, codes = _standard_unit_values(world), _all_codes(world)
    rows = files = 0
    publications: list[Publication] = []
    for reporter in range(world.offices.areas.reporter_count):
        for year in sorted({period // 100 for period in world.offices.clock.periods}):
            table = publish_table(load_cells(cells, reporter, year), reporter, year, world.offices.habits, prices, world.seed)
            publications += _list_publications(world, table, reporter, year)
            written = _answer_pulls(folder, world, table, reporter, year, codes)
            rows, files = rows + written[0], files + written[1]
    return rows, files, publications


def _style(world: World, reporter: int) -> ReporterStyle:
    habits = world.offices.habits
    litres = {
        code: item.kg_per_litre for item in world.items if item.kg_per_litre and habits.gives_litres[reporter]
        for code in item.codes
    }  # fmt: skip
    return ReporterStyle(
        code=int(world.offices.areas.code[reporter]),
        uses_zero_for_null=bool(habits.uses_zero_for_null[reporter]),
        marks_reported=bool(habits.marks_reported[reporter]),
        gives_gross_weight=bool(habits.gives_both_values[reporter]),
        kg_per_litre=litres,
    )


def _editions(world: World, reporter: int) -> np.ndarray:
    months = np.arange(len(world.offices.clock.periods))
    used = edition_in_use(world.offices.habits, np.full(len(months), reporter), months)
    return np.array(["H4", "H5", "H6"])[used]


def _list_publications(world: World, table: pl.DataFrame, reporter: int, year: int) -> list[Publication]:
    """Both versions of each of the year's months, with the number of records and a checksum of the figures."""
    areas, clock, releases = world.offices.areas, world.offices.clock, world.offices.releases
    editions = _editions(world, reporter)
    found = []
    parts = table.partition_by("month", "version", as_dict=True, include_key=False)
    for month in (place for place, period in enumerate(clock.periods) if period // 100 == year):
        for version, days in ((FIRST_RELEASE, releases.first_day), (REVISION, releases.revised_day)):
            day = int(days[reporter, month])
            if day > world.today.toordinal():
                continue
            part = parts.get((month, version), table.clear())
            figures = part.select("flow", "code", "partner", "value", pl.col("grams").fill_null(-1)).cast(pl.Int64)
            found.append(
                Publication(
                    reporter_code=int(areas.code[reporter]),
                    reporter_iso=areas.iso[reporter],
                    reporter_name=areas.name[reporter],
                    period=clock.periods[month],
                    edition=str(editions[month]),
                    first_day=int(releases.first_day[reporter, month]),
                    release_day=day,
                    records=len(part),
                    checksum=zlib.crc32(np.ascontiguousarray(figures.to_numpy()).tobytes()) - 2**31,
                )
            )
    return found


def _news(world: World, reporter: int, months: list[int], after: int, until: int) -> dict[int, int]:
    """Which of a reporter's months were published after one pull and up to the next, and in which version."""
    releases = world.offices.releases
    found = {}
    for month in months:
        if after < int(releases.revised_day[reporter, month]) <= until:
            found[month] = REVISION
        elif after < int(releases.first_day[reporter, month]) <= until:
            found[month] = FIRST_RELEASE
    return found


def _answer_pulls(folder: Path, world: World, table: pl.DataFrame, reporter: int, year: int, codes: list[str]) -> tuple[int, int]:
    """The year's answers in each pull: what was published since the pull before, in its newest version."""
    clock = world.offices.clock
    style, editions = _style(world, reporter), _editions(world, reporter)
    months = [place for place, period in enumerate(clock.periods) if period // 100 == year]
    published = to_answer_rows(table, style, np.array(clock.periods), editions)
    version = table["version"].to_numpy()
    month_of_row = table["month"].to_numpy()
    rows = files = before = 0
    for day in clock.pull_days.tolist():
        asked = _news(world, reporter, months, before, day)
        before = day
        if not asked:
            continue
        newest = np.full(len(clock.periods), -1)
        newest[list(asked)] = list(asked.values())
        answer = published.filter(pl.Series(version == newest[month_of_row], dtype=pl.Boolean))
        place = folder / "answers" / date.fromordinal(day).isoformat()
        periods = [clock.periods[month] for month in asked]
        moment = retrieval_time(day, reporter, world.seed)
        files += write_period_answers(place, answer, style.code, periods, codes, moment)
        rows += len(answer)
    return rows, files
