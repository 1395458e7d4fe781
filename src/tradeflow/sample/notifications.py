"""Pre-export notifications: what authorities told one another before goods left, with the sloppiness of every office."""

import numpy as np
import polars as pl

from tradeflow.sample.chance import Ints, hash_uniform
from tradeflow.sample.documents import EXPORT, IMPORT, RE_EXPORT
from tradeflow.sample.papers import Customs, paper_number, print_numbers
from tradeflow.sample.register import SPELLINGS
from tradeflow.sample.shipments import NO_HUB

_EPOCH = 719_163
_TOGETHER = 0.2
_LATE = 0.03
_SAID_NO = 0.01
_NOT_A_DECLARATION = 2**43
"""Lies beyond every number of a declaration, so that a notification's number tells nothing of it."""
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
        _leaves=pl.when(is_out).then("day").otherwise("depart_day"),
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
        .agg(pl.col("_kg").sum(), pl.col("_leaves").min(), pl.col("number").min(), pl.col("notified_status").first())
    )


def _write_notifications(customs: Customs, gathered: pl.DataFrame) -> pl.DataFrame:
    register, areas, count = customs.market.register, customs.offices.areas, len(gathered)
    number = gathered["number"].to_numpy()

    def draw(name: str) -> np.ndarray:
        return hash_uniform(customs.seed, name, number) if count else np.empty(0)

    is_late = (draw("late") < _LATE) | (gathered["notified_status"] == "late").fill_null(value=False).to_numpy()
    day = gathered["_leaves"].to_numpy()
    notified_on = np.where(is_late, day + 1 + np.floor(9 * draw("lateness")), day - 15 - np.floor(45 * draw("lead"))).astype(np.int64)
    sloppy = np.select([draw("kg") < 0.8, draw("kg") < 0.92], [1.0, 1 + 0.1 * draw("more")], default=1 - 0.06 * draw("less"))
    codes = {place: each.code for place, each in customs.substances.items()}
    seller, buyer = gathered["seller_company"].to_numpy(), gathered["buyer_company"].to_numpy()
    everyone = np.ones(count, dtype=bool)
    has_objected = (gathered["notified_status"] == "objected").fill_null(value=False).to_numpy()
    status = np.select([has_objected, draw("status") < 0.82], ["objected", "not_objected"], default="open")
    written = gathered.with_columns(
        notification_number="PEN-" + print_numbers(areas.code[gathered["_from"].to_numpy()], number + _NOT_A_DECLARATION),
        notified_on=_days(notified_on),
        exporting_area_code=pl.Series(areas.code[gathered["_from"].to_numpy()]),
        importing_area_code=pl.Series(areas.code[gathered["_to"].to_numpy()]),
        exporter_name=register.look_up(register.names, seller * SPELLINGS + _spelling(draw("exporter")), everyone),
        exporter_number=register.look_up(register.number, seller, draw("exporter number") < 0.5),
        importer_name=register.look_up(register.names, buyer * SPELLINGS + _spelling(draw("importer")), everyone),
        importer_number=register.look_up(register.number, buyer, draw("importer number") < 0.4),
        substance_code=pl.col("item").replace_strict(codes, return_dtype=pl.String),
        notified_kg=(pl.col("_kg") * pl.Series(sloppy)).round(2) + 0.01,
        expected_on=pl.when(pl.Series(draw("expected") < 0.85)).then(_days(day + np.floor(16 * draw("early")).astype(np.int64) - 6)),
        notification_status=pl.Series(status, dtype=pl.String),
    ).select(NOTIFICATION_COLUMNS)
    return pl.concat([written, _come_to_nothing(written, draw("nothing"), draw("objects"))])


def _spelling(chance: np.ndarray) -> Ints:
    found: Ints = np.where(chance < 0.7, 0, np.floor((chance - 0.7) / 0.3 * (SPELLINGS - 1)) + 1).astype(np.int64)
    return found


def _come_to_nothing(written: pl.DataFrame, chance: np.ndarray, status: np.ndarray) -> pl.DataFrame:
    """Notifications of goods that never left: the importing country objected, or the exporter took it back."""
    answered = written.with_columns(notification_status=pl.Series(np.where(status < 0.5, "objected", "withdrawn"), dtype=pl.String))
    chosen = answered.filter(pl.Series(chance < _SAID_NO, dtype=pl.Boolean))
    return chosen.with_columns(
        notification_number=pl.col("notification_number") + "-R",
        notified_on=pl.col("notified_on").dt.offset_by("-40d"),
        expected_on=pl.col("expected_on").dt.offset_by("-40d"),
        notified_kg=(pl.col("notified_kg") * 1.3).round(2),
    )


def _days(ordinal: Ints) -> pl.Expr:
    return pl.lit(pl.Series(ordinal - _EPOCH, dtype=pl.Int32)).cast(pl.Date)
