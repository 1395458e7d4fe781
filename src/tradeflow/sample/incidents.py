"""Incidents that authorities tell one another: seizures, stopped shipments, thefts, suspicious orders."""

from datetime import date
from typing import Any

import numpy as np
import polars as pl

from tradeflow.sample.chance import named_generator
from tradeflow.sample.company_casting import Told
from tradeflow.sample.papers import Customs

_UNCONNECTED = 40
_FOLLOWED = 0.2
INCIDENT_COLUMNS = (
    "incident_number", "incident_date", "area_code", "incident_kind", "substance_code", "quantity_kg", "origin_area_code",
    "destination_area_code", "party_name", "declaration_id",
)  # fmt: skip
_INCIDENT_KINDS = ("seizure", "stopped_shipment", "theft", "suspicious_order", "other")


def report_incidents(customs: Customs, told: list[Told], ids: list[list[str]]) -> pl.DataFrame:
    """Incidents that authorities told one another: most have nothing to do with any case, some cases have led to one."""
    rng = named_generator(customs.seed, "incidents")
    areas, clock = customs.offices.areas, customs.offices.clock
    substances = [each for each in customs.substances.values() if each.is_scheduled]
    rows: list[tuple[Any, ...]] = []
    first, last = int(clock.month_start[customs.months.start]), int(clock.month_start[-1])
    for number in range(_UNCONNECTED):
        origin, destination = rng.choice(areas.code, 2, replace=False).tolist()
        substance = substances[int(rng.integers(len(substances)))].code
        kg = round(float(np.exp(rng.normal(4, 1.8))), 1)
        day, kind = date.fromordinal(int(rng.integers(first, last))), str(rng.choice(_INCIDENT_KINDS))
        rows.append((f"INC-{number + 1:04d}", day, destination, kind, substance, kg, origin, destination, None, None))
    for happened, declared in zip(told, ids, strict=True):
        if happened.item is not None and rng.random() < _FOLLOWED:
            paper = happened.scene.papers.row(int(happened.rows[0]), named=True)
            day = date.fromordinal(min(int(paper["day"]) + int(rng.integers(10, 60)), customs.world.today.toordinal()))
            area = int(areas.code[paper["reporter"]])
            code = customs.substances[happened.item].code
            name = customs.market.register.name(happened.companies[0])
            rows.append((f"INC-{len(rows) + 1:04d}", day, area, "suspicious_order", code, None, None, area, name, declared[0]))
    areas_named = dict.fromkeys(("area_code", "origin_area_code", "destination_area_code"), pl.Int64)
    types = {"incident_date": pl.Date, "quantity_kg": pl.Float64} | areas_named
    schema = {name: types.get(name, pl.String) for name in INCIDENT_COLUMNS}
    return pl.DataFrame(rows, schema, orient="row").sort("incident_date", "incident_number")
