"""What authorities have on record: pre-export notifications, licences, a white list, incidents; with the sloppiness of every office."""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl

from tradeflow.sample.chance import Ints, hash_uniform, named_generator
from tradeflow.sample.company_casting import OddLicence, Told
from tradeflow.sample.documents import EXPORT, IMPORT, RE_EXPORT
from tradeflow.sample.papers import Customs, declaration_id, paper_number
from tradeflow.sample.register import SPELLINGS
from tradeflow.sample.shipments import NO_HUB

_EPOCH = 719_163
_TOGETHER = 0.2
_LATE = 0.03
_WHITE_LISTED = 0.07
_SAID_NO = 0.01
NOTIFICATION_COLUMNS = (
    "notification_number", "notified_on", "exporting_area_code", "importing_area_code", "exporter_name", "exporter_number",
    "importer_name", "importer_number", "substance_code", "notified_kg", "expected_on", "notification_status",
)  # fmt: skip


def notify_exports(customs: Customs, papers: pl.DataFrame) -> pl.DataFrame:
    """The notifications behind a month's papers, in NOTIFICATION_COLUMNS.

    Where the exporting country's papers are written they lead to them; else the importing country's papers do. Some consignments of a
    month are notified together, some late, some with a bit more or less than then leaves; some notifications come to nothing.
    """
    items = [place for place, substance in customs.substances.items() if substance.is_scheduled]
    is_out = pl.col("flow").is_in([EXPORT, RE_EXPORT])
    is_from_closed = (pl.col("flow") == IMPORT) & ~_departs_at(pl.col("exporter")).is_in(customs.opened.tolist())
    notified = papers.filter(pl.col("item").is_in(items) & (pl.col("notified_share") > 0) & (is_out | is_from_closed)).with_columns(
        _from=_departs_at(pl.col("exporter")),
        _to=pl.when((pl.col("flow") != RE_EXPORT) & pl.col("is_entrepot") & (pl.col("hub") != NO_HUB) & is_out)
        .then("hub")
        .otherwise("importer"),
        number=paper_number(pl.lit(0)),
    )
    return _write_notifications(customs, _gather(customs, notified.filter(pl.col("_from") != pl.col("_to"))))


def _departs_at(exporter: pl.Expr) -> pl.Expr:
    """Where the goods of a paper left: a hub that sold them on, or the exporter."""
    from_hub = pl.col("is_entrepot") & (pl.col("hub") != NO_HUB) & (pl.col("reporter") != pl.col("hub"))
    is_outer = (pl.col("flow") == RE_EXPORT) | (from_hub & (pl.col("flow") == IMPORT))
    return pl.when(is_outer).then("hub").otherwise(exporter)


def _gather(customs: Customs, notified: pl.DataFrame) -> pl.DataFrame:
    """One row per notification: some houses put a month's consignments under one."""
    pair = tuple(notified[name].to_numpy() for name in ("seller_company", "buyer_company", "item"))
    is_together = hash_uniform(customs.seed, "notifies together", *pair) < _TOGETHER if len(notified) else np.empty(0, dtype=bool)
    said = pl.when(pl.Series(is_together, dtype=pl.Boolean)).then(pl.lit(0)).otherwise("number")
    sane = pl.min_horizontal(pl.max_horizontal("kg", pl.col("sent_kg") / 8), pl.col("sent_kg") * 8)
    keys = ["_from", "_to", "seller_company", "buyer_company", "item", "_said"]
    return (
        notified.with_columns(_said=said, _kg=sane * pl.col("notified_share"))
        .group_by(keys, maintain_order=True)
        .agg(pl.col("_kg").sum(), pl.col("depart_day").min(), pl.col("number").min(), pl.col("notified_status").first())
    )


def _write_notifications(customs: Customs, gathered: pl.DataFrame) -> pl.DataFrame:
    register, areas, count = customs.market.register, customs.offices.areas, len(gathered)
    number = gathered["number"].to_numpy()

    def draw(name: str) -> np.ndarray:
        return hash_uniform(customs.seed, name, number) if count else np.empty(0)

    is_late = (draw("late") < _LATE) | (gathered["notified_status"] == "late").fill_null(value=False).to_numpy()
    day = gathered["depart_day"].to_numpy()
    notified_on = np.where(is_late, day + 1 + np.floor(9 * draw("lateness")), day - 15 - np.floor(45 * draw("lead"))).astype(np.int64)
    sloppy = np.select([draw("kg") < 0.8, draw("kg") < 0.92], [1.0, 1 + 0.1 * draw("more")], default=1 - 0.06 * draw("less"))
    seller, buyer = gathered["seller_company"].to_numpy(), gathered["buyer_company"].to_numpy()
    everyone = np.ones(count, dtype=bool)
    status = np.select([draw("status") < 0.82], ["not_objected"], default="open")
    written = gathered.with_columns(
        notification_number=pl.format("PEN-{}", declaration_id(pl.Series(areas.code[gathered["_from"].to_numpy()]), pl.col("number"))),
        notified_on=_days(notified_on),
        exporting_area_code=pl.Series(areas.code[gathered["_from"].to_numpy()]),
        importing_area_code=pl.Series(areas.code[gathered["_to"].to_numpy()]),
        exporter_name=register.look_up(register.names, seller * SPELLINGS + _spelling(draw("exporter")), everyone),
        exporter_number=register.look_up(register.number, seller, draw("exporter number") < 0.5),
        importer_name=register.look_up(register.names, buyer * SPELLINGS + _spelling(draw("importer")), everyone),
        importer_number=register.look_up(register.number, buyer, draw("importer number") < 0.4),
        substance_code=pl.col("item").replace_strict({place: each.code for place, each in customs.substances.items()}, return_dtype=pl.String),
        notified_kg=(pl.col("_kg") * pl.Series(sloppy)).round(2) + 0.01,
        expected_on=pl.when(pl.Series(draw("expected") < 0.85)).then(_days(day + np.floor(16 * draw("early")).astype(np.int64) - 6)),
        notification_status=pl.when(pl.col("notified_status") == "objected").then(pl.lit("objected")).otherwise(pl.Series(status, dtype=pl.String)),
    ).select(NOTIFICATION_COLUMNS)
    return pl.concat([written, _come_to_nothing(written, draw("nothing"))])


def _spelling(chance: np.ndarray) -> Ints:
    found: Ints = np.where(chance < 0.7, 0, np.floor((chance - 0.7) / 0.3 * (SPELLINGS - 1)) + 1).astype(np.int64)
    return found


def _come_to_nothing(written: pl.DataFrame, chance: np.ndarray) -> pl.DataFrame:
    """Notifications of goods that never left: the importing country objected, or the exporter took it back."""
    chosen = written.filter(pl.Series(chance < _SAID_NO, dtype=pl.Boolean))
    return chosen.with_columns(
        notification_number=pl.col("notification_number") + "-R",
        notified_on=pl.col("notified_on").dt.offset_by("-40d"),
        expected_on=pl.col("expected_on").dt.offset_by("-40d"),
        notified_kg=(pl.col("notified_kg") * 1.3).round(2),
        notification_status=pl.when(pl.col("notified_kg") > pl.col("notified_kg").median()).then(pl.lit("objected")).otherwise(pl.lit("withdrawn")),
    )


def _days(ordinal: Ints) -> pl.Expr:
    return pl.lit(pl.Series(ordinal - _EPOCH, dtype=pl.Int32)).cast(pl.Date)


LICENCE_COLUMNS = (
    "operator_name", "operator_country", "tax_number", "party_address", "licence_number", "licence_kind", "substance_code", "valid_from",
    "valid_to", "annual_limit_kg",
)  # fmt: skip


def add_up_use(customs: Customs, papers: pl.DataFrame) -> pl.DataFrame:
    """What each company of a country bought or sold of each watched substance in a month: local_company, item, flow, month, kg."""
    return (
        papers.filter(pl.col("item").is_in(list(customs.substances)) & pl.col("flow").is_in([IMPORT, EXPORT, RE_EXPORT]))
        .with_columns(flow=pl.when(pl.col("flow") == IMPORT).then(IMPORT).otherwise(EXPORT).cast(pl.Int64))
        .group_by("local_company", "item", "flow", "month")
        .agg(pl.col("kg").sum())
    )


def licence_companies(customs: Customs, use: pl.DataFrame, odd: Iterable[OddLicence]) -> pl.DataFrame:
    """Everyone who trades in watched substances has a licence for each year, but for who is odd; large old houses are white-listed.

    A licence covers one substance and one direction, or for some distributors all of them; half of them name a yearly limit.
    """
    years = sorted({period // 100 for period in customs.offices.clock.periods})
    by_company = {each.company: each for each in odd}
    rows: list[tuple[Any, ...]] = []
    yearly = (
        use.with_columns(_year=pl.col("month").replace_strict(dict(enumerate(p // 100 for p in customs.offices.clock.periods))))
        .group_by("local_company", "item", "flow", "_year").agg(pl.col("kg").sum())
        .group_by("local_company", "item", "flow").agg(pl.col("kg").max()).sort("local_company", "item", "flow")
    )  # fmt: skip
    for company, item, flow, kg in yearly.iter_rows():
        rows += _licences_of(customs, company, item, flow, kg, years, by_company.get(company))
    rows += _white_list(customs, yearly, by_company, years)
    schema = {name: pl.Date if name.startswith("valid") else pl.Float64 if name.endswith("_kg") else pl.String for name in LICENCE_COLUMNS}
    return pl.DataFrame(rows, schema, orient="row").unique(maintain_order=True)


def _licences_of(customs: Customs, company: int, item: int, flow: int, kg: float, years: list[int], odd: OddLicence | None) -> list[tuple[Any, ...]]:  # fmt: skip
    kind = "import" if flow == IMPORT else "export"
    substance: str | None = customs.substances[item].code
    limit: float | None = round(1.6 * kg, -1) if hash_uniform(customs.seed, "limit", [company], [item])[0] < 0.5 else None
    if odd is None or odd.kind == "renewal":
        if hash_uniform(customs.seed, "licence for all", [company])[0] < 0.12:
            kind, substance, limit = "trade", None, None
        spans = [(date(year, 1, 1), date(year, 12, 31)) for year in years]
        return [_licence(customs, company, kind, substance, *span, limit) for span in _renew(spans, odd)]
    day = date.fromordinal(max(odd.day, 400)) if odd.day else date(years[-1], 1, 1)
    if odd.kind == "none":
        return []
    if odd.kind == "other":
        other = next(each.code for place, each in customs.substances.items() if place != item)
        return [_licence(customs, company, kind, other, date(day.year - 1, 1, 1), date(day.year + 1, 12, 31), limit)]
    if odd.kind == "expired":
        return [_licence(customs, company, kind, substance, day - timedelta(days=490), day - timedelta(days=125), limit)]
    if odd.kind == "limit":
        return [_licence(customs, company, kind, substance, date(day.year - 1, 1, 1), date(day.year + 1, 12, 31), round(0.3 * kg, 1))]
    return [_licence(customs, company, "trade", None, day, date(years[-1] + 1, 12, 31), None)]


def _renew(spans: list[tuple[date, date]], odd: OddLicence | None) -> list[tuple[date, date]]:
    """Yearly licences without a gap, or with one of about three weeks around the day of an unlucky consignment."""
    if odd is None:
        return spans
    gap = date.fromordinal(odd.day - 9), date.fromordinal(odd.day + 12)
    cut = [(first, min(last, gap[0])) for first, last in spans if first <= gap[0]]
    return cut + [(max(first, gap[1]), last) for first, last in spans if last >= gap[1]]


def _licence(customs: Customs, company: int, kind: str, substance: str | None, first: date, last: date, limit: float | None) -> tuple[Any, ...]:  # fmt: skip
    register = customs.market.register
    key = (company, first.toordinal(), sum(map(ord, kind + (substance or ""))))
    number = int(1e9 * hash_uniform(customs.seed, "licence", *([part] for part in key))[0])
    spelling = company * SPELLINGS + int(hash_uniform(customs.seed, "licence name", [company])[0] < 0.15)
    iso = customs.offices.areas.iso[int(register.country[company])]
    return (
        register.names[spelling], iso, register.number[company], register.addresses[spelling], f"L-{iso}-{number:09d}", kind, substance,
        first, last, limit,
    )  # fmt: skip


def _white_list(customs: Customs, yearly: pl.DataFrame, odd: dict[int, OddLicence], years: list[int]) -> list[tuple[Any, ...]]:
    companies = yearly["local_company"].unique().sort().to_numpy()
    chosen = companies[hash_uniform(customs.seed, "white list", companies) < _WHITE_LISTED] if len(companies) else companies
    return [
        _licence(customs, company, "white_list", None, date(years[0], 1, 1), date(years[-1] + 1, 12, 31), None)
        for company in chosen.tolist()
        if company not in odd
    ]


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
    for number in range(40):
        origin, destination = rng.choice(areas.code, 2, replace=False).tolist()
        substance = substances[int(rng.integers(len(substances)))].code
        kg = round(float(np.exp(rng.normal(4, 1.8))), 1)
        day, kind = date.fromordinal(int(rng.integers(first, last))), str(rng.choice(_INCIDENT_KINDS))
        rows.append((f"INC-{number + 1:04d}", day, destination, kind, substance, kg, origin, destination, None, None))
    for happened, declared in zip(told, ids, strict=True):
        if happened.item is not None and rng.random() < 0.2:
            paper = happened.scene.papers.row(int(happened.rows[0]), named=True)
            day = date.fromordinal(min(int(paper["day"]) + int(rng.integers(10, 60)), customs.world.today.toordinal()))
            area = int(areas.code[paper["reporter"]])
            code = customs.substances[happened.item].code
            name = customs.market.register.name(happened.companies[0])
            rows.append((f"INC-{len(rows) + 1:04d}", day, area, "suspicious_order", code, None, None, area, name, declared[0]))
    types = {"incident_date": pl.Date, "quantity_kg": pl.Float64} | dict.fromkeys(("area_code", "origin_area_code", "destination_area_code"), pl.Int64)
    return pl.DataFrame(rows, {name: types.get(name, pl.String) for name in INCIDENT_COLUMNS}, orient="row").sort("incident_date", "incident_number")
