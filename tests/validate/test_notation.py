"""Values in a source's own notation, and that what does not fit it stays as it came."""

from dataclasses import replace
from datetime import date

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradeflow.contract import Column, Contract
from tradeflow.validate.gate import hold_to_contract
from tradeflow.validate.notation import write_plainly

DAY = Column("day", pl.Date(), "When.", date_format="ddMMyyyy")
AMOUNT = Column("amount", pl.Float64(), "How much.")
CONTRACT = Contract("notes", "1.0.0", "Notes.", (DAY, AMOUNT), decimal_mark=",")


def read(**cells: str) -> tuple[object, object]:
    frame = pl.DataFrame({"day": [None], "amount": [None]} | {name: [value] for name, value in cells.items()})
    kept = hold_to_contract(frame.cast(pl.String), CONTRACT).kept
    return kept.row(0) if kept.height else (None, None)


@given(st.decimals(-(10**12), 10**12, places=3))
def test_a_number_with_a_decimal_comma_is_the_number(value: object) -> None:
    written = f"{value:,.3f}".translate(str.maketrans(",.", ".,"))

    assert read(amount=written) == (None, pytest.approx(float(str(value))))


@given(st.dates(date(1000, 1, 1)))
def test_a_day_is_the_day_also_without_its_leading_zero(day: date) -> None:
    written = f"{day.day:02}{day.month:02}{day.year}"

    assert read(day=written) == read(day=written.removeprefix("0")) == (day, None)


@pytest.mark.parametrize("cells", [{"day": "31022024"}, {"day": "00000000"}, {"day": "2024"}, {"amount": "1.2.3"}, {"amount": "12 kg"}])
def test_what_is_no_such_value_is_refused_as_it_came(cells: dict[str, str]) -> None:
    frame = pl.DataFrame({"day": [None], "amount": [None]} | {name: [value] for name, value in cells.items()}).cast(pl.String)

    (broken,) = hold_to_contract(frame, CONTRACT).broken.to_dicts()

    assert (broken["rule"], next(iter(cells.values())) in broken["raw_row"]) == (f"{next(iter(cells))}:type", True)


def test_a_table_in_plain_notation_is_left_alone() -> None:
    frame = pl.DataFrame({"day": ["2024-01-31"], "amount": ["1.5"]})
    plain = replace(CONTRACT, columns=(replace(DAY, date_format=None), AMOUNT), decimal_mark=".")

    assert write_plainly(frame, plain) is frame
