"""The three tables that say what is true of a world: planted cases, innocent events, the care of each reporter."""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields
from pathlib import Path

from tradeflow.sample.diversions import PlantedCase
from tradeflow.sample.documents import Offices
from tradeflow.sample.innocence import InnocentEvent


def _write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as target:
        writer = csv.writer(target, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def write_truth(folder: Path, cases: list[PlantedCase], events: list[InnocentEvent], offices: Offices) -> None:
    """`planted_case.csv`, `innocent_event.csv` and `reporter_care.csv`."""
    ordered = sorted(cases, key=lambda case: case.case_id)
    _write_csv(
        folder / "planted_case.csv",
        [field.name for field in fields(PlantedCase)],
        (list(asdict(case).values()) for case in ordered),
    )
    _write_csv(
        folder / "innocent_event.csv",
        [field.name for field in fields(InnocentEvent)],
        (list(asdict(event).values()) for event in sorted(events, key=lambda event: event.event_id)),
    )
    areas, habits = offices.areas, offices.habits
    _write_csv(
        folder / "reporter_care.csv",
        ["reporter_code", "reporter_iso", "import_slackness", "export_slackness", "release_days"],
        (
            (int(areas.code[place]), areas.iso[place], round(float(habits.import_slackness[place]), 6),
             round(float(habits.export_slackness[place]), 6), round(float(habits.release_days[place]), 1))
            for place in range(areas.reporter_count)
        ),
    )  # fmt: skip
