"""A watch operation of the settings in; the settings of a run that looks at nothing else, under the operation's name, out."""

from __future__ import annotations

from datetime import date

from tradeflow.contract import load_codelist
from tradeflow.exceptions import SettingsError
from tradeflow.settings import Operation, Settings
from tradeflow.steps.watch_list import watched_commodities


def scope_to_operation(settings: Settings, name: str, today: date) -> Settings:
    """Return the settings narrowed to one of their operations; SettingsError where they name none so, or it names what is not listed.

    Its release stands beside the others and leaves the current one: whoever works on everything keeps what they see.
    """
    operation = _find_operation(settings, name)
    last = operation.last_period or today.year * 100 + today.month
    watch = {
        "substances": operation.substances,
        "commodities": (),
        "reporters": operation.areas or settings.watch.reporters,
        "first_period": operation.first_period,
        "last_period": last,
    }
    narrowed = settings.watch.model_copy(update=watch)
    _refuse_unknown_areas(operation)
    watched_commodities(narrowed)
    return settings.model_copy(
        update={
            "watch": narrowed,
            "model": settings.model.model_copy(update={"scored_months": _count_months(operation.first_period, last)}),
            "publish": settings.publish.model_copy(update={"title": operation.name, "is_current": False}),
        }
    )


def _find_operation(settings: Settings, name: str) -> Operation:
    for operation in settings.operations:
        if operation.name.casefold() == name.strip().casefold():
            return operation
    known = ", ".join(repr(each.name) for each in settings.operations) or "none"
    raise SettingsError(f"there is no operation {name!r}; the settings have {known}; add one as [[operations]]")


def _refuse_unknown_areas(operation: Operation) -> None:
    listed = load_codelist("area")["area_code"]
    if unknown := [str(code) for code in operation.areas if code not in listed]:
        raise SettingsError(f"operation {operation.name!r}: areas: {', '.join(unknown)} is no UN M49 code; codelists/area.csv lists them")


def _count_months(first: int, last: int) -> int:
    """Count the months of a span, both ends among them; an operation that is yet to begin counts one."""
    return max(1, (last // 100 - first // 100) * 12 + last % 100 - first % 100 + 1)
