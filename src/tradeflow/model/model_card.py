"""Model cards: what a fitted model was fitted to, how it did, and what it cannot do; contract `model_card`, from the run's own figures."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from tradeflow.contract import load_contract

SECTIONS = ["data", "dates", "features", "figures", "calibration", "limits"]


@dataclass
class Card:
    """The card of one model while it is being written."""

    model_name: str
    lines: list[tuple[str, str, float | None, str | None]] = field(default_factory=list)

    def figure(self, section: str, item: str, figure: float, text: str | None = None) -> None:
        """Add one figure, with a remark where it needs one."""
        self.lines.append((section, item, float(figure), text))

    def text(self, section: str, item: str, text: str) -> None:
        """Add one text."""
        self.lines.append((section, item, None, text))

    def figures(self, section: str, prefix: str, figures: dict[str, float]) -> None:
        """Add several figures whose names begin alike."""
        for name, figure in figures.items():
            self.figure(section, f"{prefix}: {name}", figure)


def cards_frame(cards: Iterable[Card]) -> pl.DataFrame:
    """Return the cards as rows of contract `model_card`."""
    rows = [(card.model_name, *line) for card in cards for line in card.lines]
    return pl.DataFrame(rows, schema=load_contract("model_card").schema, orient="row")


def cards_markdown(cards: pl.DataFrame) -> str:
    """Return the cards as a page of Markdown: a heading a model and a section, figures that were taken on several rows as a table."""
    lines = []
    for (model_name,), card in cards.group_by("model_name", maintain_order=True):
        lines += [f"# {str(model_name).capitalize()}", ""]
        for section in SECTIONS:
            items = card.filter(card_section=section).to_dicts()
            told = _tell_table(items) if section == "figures" else [_tell_item(row) for row in items]
            lines += [f"## {section.capitalize()}", "", *told, ""] if items else []
    return "\n".join(lines)


def _tell_table(items: list[dict[str, Any]]) -> list[str]:
    """Lay figures named "rows: measure" out with a line for each kind of rows and a column for each measure."""
    named = [(*row["card_item"].rpartition(": ")[::2], _tell_figure(row)) for row in items]
    measures = list(dict.fromkeys(measure for _, measure, _ in named))
    lines = [f"| of | {' | '.join(measures)} |", f"|---|{'---|' * len(measures)}"]
    for rows in dict.fromkeys(prefix for prefix, _, _ in named):
        found = {measure: figure for prefix, measure, figure in named if prefix == rows}
        lines.append(f"| {rows} | {' | '.join(found.get(measure, '') for measure in measures)} |")
    return lines


def _tell_item(row: dict[str, Any]) -> str:
    return f"- {row['card_item']}: {_tell_figure(row)}"


def _tell_figure(row: dict[str, Any]) -> str:
    figure, text = row["card_figure"], row["card_text"]
    said = [] if figure is None else [f"{figure:,.0f}" if figure.is_integer() and abs(figure) > 1 else f"{figure:.3f}"]
    return ", ".join([*said, *([text] if text else [])])
