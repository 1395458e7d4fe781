"""How a company is drawn: its trade by month as bars, its partners as a small graph; plain SVG, for readers without script and on paper."""

from __future__ import annotations

import math
from dataclasses import dataclass

import polars as pl

from tradeflow.serve.queries.company import CompanyFile

MONTHS_SHOWN = 36
_BARS_SHOWN = 12
_NODES_SHOWN = 12
WIDTH, HEIGHT = 860, 350
BAR_WIDTH, BAR_HEIGHT = 9, 60
_LONGEST_LABEL = 24


@dataclass(frozen=True)
class Bar:
    """One month: where its bar stands, how high it is, and the interval that was expected (all in pixels; y from the top)."""

    x: float
    y: float
    height: float
    lower_y: float | None
    upper_y: float | None
    words: tuple[int, float | None, float | None]


@dataclass(frozen=True)
class Bars:
    """What a company traded of a substance in a role; `top_kg` is the height of the scale."""

    party_role: str
    substance_code: str
    bars: list[Bar]
    first_period: int
    last_period: int
    top_kg: float
    net_weight_kg: float
    months: int


@dataclass(frozen=True)
class Node:
    """Another company in the graph; the line to it is the wider the more was traded."""

    entity_id: str
    label: str
    name: str
    x: float
    y: float
    anchor: str
    kinds: tuple[str, ...]
    line: float
    net_weight_kg: float | None


def draw_months(months: pl.DataFrame) -> list[Bars]:
    """Take `company_month` of one company; return the bars of each role and substance, those with most weight first."""
    if months.is_empty():
        return []
    last = _step(months.select(pl.col("period").max()).item())
    newest = months.filter(pl.col("period") > _period(last - MONTHS_SHOWN))
    found = [_draw_series(rows, last) for _, rows in newest.group_by("party_role", "substance_code", maintain_order=True)]
    return sorted(found, key=lambda bars: -bars.net_weight_kg)[:_BARS_SHOWN]


def _draw_series(rows: pl.DataFrame, last: int) -> Bars:
    top_kg: float = rows.select(pl.max_horizontal(pl.col("net_weight_kg").max(), pl.col("upper_kg").median(), pl.lit(1.0))).item()
    first = rows.row(0, named=True)
    return Bars(
        party_role=first["party_role"],
        substance_code=first["substance_code"],
        bars=[_bar(row, last, top_kg) for row in rows.iter_rows(named=True)],
        first_period=_period(last - MONTHS_SHOWN + 1),
        last_period=_period(last),
        top_kg=top_kg,
        net_weight_kg=float(rows["net_weight_kg"].sum()),
        months=rows.height,
    )


def _bar(row: dict[str, float | None], last: int, top_kg: float) -> Bar:
    def down(kg: float | None) -> float | None:
        return None if kg is None else round(BAR_HEIGHT * (1 - min(kg / top_kg, 1.0)), 1)

    period, kg = int(row["period"] or 0), row["net_weight_kg"]
    y = down(kg or 0.0) or 0.0
    x = (MONTHS_SHOWN - 1 - (last - _step(period))) * BAR_WIDTH
    return Bar(x, y, round(BAR_HEIGHT - y, 1), down(row["lower_kg"]), down(row["upper_kg"]), (period, kg, row["expected_kg"]))


def draw_network(company: CompanyFile) -> list[Node]:
    """Return the companies tied most closely to one, placed round it: by weight, and those that share an address or number in any case."""
    ties = company.links.group_by("other_id", maintain_order=True).agg(
        "link_kind", pl.col("net_weight_kg").max(), pl.col("link_kind").str.starts_with("shares_").any().alias("shares")
    )
    shown = ties.sort("shares", "net_weight_kg", descending=True, nulls_last=True, maintain_order=True).head(_NODES_SHOWN)
    most: float = shown.select(pl.col("net_weight_kg").max().fill_null(1.0)).item() if shown.height else 1.0
    return [_node(company, row, at, shown.height, most) for at, row in enumerate(shown.iter_rows(named=True))]


def _node(company: CompanyFile, row: dict[str, object], at: int, of: int, most: float) -> Node:
    angle = 2 * math.pi * (at + 0.5) / of - math.pi / 2
    x, y = WIDTH / 2 + 205 * math.cos(angle), HEIGHT / 2 + 125 * math.sin(angle)
    other, weight = str(row["other_id"]), row["net_weight_kg"]
    name = company.called.get(other, other)
    label = name if len(name) <= _LONGEST_LABEL else name[: _LONGEST_LABEL - 1] + "…"
    heavy = float(weight) if isinstance(weight, int | float) else 0.0
    anchor = "middle" if abs(math.cos(angle)) < 0.2 else "start" if math.cos(angle) > 0 else "end"
    kinds = tuple(dict.fromkeys(str(kind) for kind in row["link_kind"]))  # type: ignore[attr-defined]
    return Node(other, label, name, round(x, 1), round(y, 1), anchor, kinds, round(1 + 5 * math.sqrt(heavy / most), 1), heavy or None)


def _step(period: int) -> int:
    return period // 100 * 12 + period % 100 - 1


def _period(step: int) -> int:
    return step // 12 * 100 + step % 12 + 1
