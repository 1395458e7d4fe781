"""What a run looked at, where its settings narrow it: the sentence that its report, workbook and table begin with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tradeflow.amounts import name_period
from tradeflow.telling.names import name_area, spell_code, substance_names

_SHOWN = 12


def say_scope(manifest: Mapping[str, Any]) -> str:
    """Return substances, areas and months that a run was narrowed to, by its manifest; nothing where it looked at all."""
    watch = manifest.get("settings", {}).get("watch", {})
    codes = [spell_code(code) for code in watch.get("commodities") or ()]
    substances = [substance_names().get(code, code) for code in watch.get("substances") or ()]
    areas = [name_area(code) for code in watch.get("reporters") or ()]
    parts = [_list([*substances, *codes]), _list(areas), _say_months(watch.get("first_period"), watch.get("last_period"))]
    return "; ".join(part for part in parts if part)


def _list(names: list[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")


def _say_months(first: int | None, last: int | None) -> str:
    if first is None:
        return f"up to {name_period(last)}" if last else ""
    return f"{name_period(first)} to {name_period(last)}" if last else f"from {name_period(first)} on"
