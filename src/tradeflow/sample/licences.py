"""Licences to trade in watched substances, and a white list of some old houses."""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl

from tradeflow.sample.chance import Floats, Ints, hash_uniform
from tradeflow.sample.company_casting import OddLicence
from tradeflow.sample.documents import EXPORT, IMPORT, RE_EXPORT
from tradeflow.sample.papers import Customs
from tradeflow.sample.register import SPELLINGS

LICENCE_COLUMNS = (
    "operator_name", "operator_country", "tax_number", "party_address", "licence_number", "licence_kind", "substance_code", "valid_from",
    "valid_to", "annual_limit_kg",
)  # fmt: skip
_FOR_ALL = 0.12
_LIMITED = 0.5
_WHITE_LISTED = 0.07
_PERMISSION = {
    "local_company": pl.Int64, "licence_kind": pl.String, "substance_code": pl.String, "valid_from": pl.Date, "valid_to": pl.Date,
    "annual_limit_kg": pl.Float64,
}  # fmt: skip
"""A licence before it is written out: the company's place in the register, what it may do, when, and how much in a year."""


def add_up_use(customs: Customs, papers: pl.DataFrame) -> pl.DataFrame:
    """What each company of a country bought or sold of each watched substance in a month: local_company, item, flow, month, kg."""
    return (
        papers.filter(pl.col("item").is_in(list(customs.substances)) & pl.col("flow").is_in([IMPORT, EXPORT, RE_EXPORT]))
        .with_columns(flow=pl.when(pl.col("flow") == IMPORT).then(IMPORT).otherwise(EXPORT).cast(pl.Int64))
        .group_by("local_company", "item", "flow", "month")
        .agg(pl.col("kg").sum())
    )


def licence_companies(customs: Customs, use: pl.DataFrame, odd: Iterable[OddLicence]) -> pl.DataFrame:
    """Everyone who trades in watched substances has a licence for each year, but for who is odd; in LICENCE_COLUMNS.

    A licence covers one substance and one direction, or for some distributors all of them; half of them name a yearly limit.
    """
    yearly = _add_up_years(customs, use)
    by_company = {each.company: each for each in odd}
    is_odd = pl.col("local_company").is_in([company for company, each in by_company.items() if each.kind != "renewal"])
    ordinary = _renew_yearly(customs, yearly.filter(~is_odd))
    found = [
        *(_interrupt(ordinary, each) for each in by_company.values() if each.kind == "renewal"),
        ordinary.filter(~pl.col("local_company").is_in(list(by_company))),
        *(_odd_licences(customs, yearly.filter(pl.col("local_company") == each.company), each) for each in by_company.values()),
        _white_list(customs, yearly.filter(~pl.col("local_company").is_in(list(by_company)))),
    ]
    return _write_out(customs, pl.concat(found))


def _add_up_years(customs: Customs, use: pl.DataFrame) -> pl.DataFrame:
    """Each company's largest year of each substance and direction: local_company, item, flow, kg, substance_code, licence_kind."""
    years = dict(enumerate(period // 100 for period in customs.offices.clock.periods))
    codes = {place: each.code for place, each in customs.substances.items()}
    return (
        use.with_columns(_year=pl.col("month").replace_strict(years))
        .group_by("local_company", "item", "flow", "_year")
        .agg(pl.col("kg").sum())
        .group_by("local_company", "item", "flow")
        .agg(pl.col("kg").max())
        .sort("local_company", "item", "flow")
        .with_columns(
            substance_code=pl.col("item").replace_strict(codes, return_dtype=pl.String),
            licence_kind=pl.when(pl.col("flow") == IMPORT).then(pl.lit("import")).otherwise(pl.lit("export")),
        )
    )


def _renew_yearly(customs: Customs, yearly: pl.DataFrame) -> pl.DataFrame:
    """A licence for every calendar year of the window."""
    seed, company = customs.seed, yearly["local_company"].to_numpy()
    is_for_all = pl.Series(_draw(seed, "licence for all", company) < _FOR_ALL, dtype=pl.Boolean)
    is_limited = pl.Series(_draw(seed, "limit", company, yearly["item"].to_numpy()) < _LIMITED, dtype=pl.Boolean)
    permitted = yearly.with_columns(
        licence_kind=pl.when(is_for_all).then(pl.lit("trade")).otherwise("licence_kind"),
        substance_code=pl.when(~is_for_all).then("substance_code"),
        annual_limit_kg=pl.when(is_limited & ~is_for_all).then((1.6 * pl.col("kg")).round(3)),
    )
    years = pl.DataFrame({"_year": sorted({period // 100 for period in customs.offices.clock.periods})})
    dated = permitted.join(years, how="cross").with_columns(
        valid_from=pl.date(pl.col("_year"), 1, 1), valid_to=pl.date(pl.col("_year"), 12, 31)
    )
    return dated.select(list(_PERMISSION)).cast(_PERMISSION).unique(maintain_order=True)  # type: ignore[arg-type]


def _draw(seed: int, name: str, *keys: Ints) -> Floats:
    return hash_uniform(seed, name, *keys) if len(keys[0]) else np.empty(0)


def _interrupt(ordinary: pl.DataFrame, odd: OddLicence) -> pl.DataFrame:
    """The licences of one company with a gap of about three weeks around the day of an unlucky consignment."""
    mine = ordinary.filter(pl.col("local_company") == odd.company)
    ends, begins = date.fromordinal(odd.day - 9), date.fromordinal(odd.day + 12)
    before = mine.filter(pl.col("valid_from") <= ends).with_columns(valid_to=pl.min_horizontal("valid_to", pl.lit(ends)))
    after = mine.filter(pl.col("valid_to") >= begins).with_columns(valid_from=pl.max_horizontal("valid_from", pl.lit(begins)))
    return pl.concat([before, after])


def _odd_licences(customs: Customs, yearly: pl.DataFrame, odd: OddLicence) -> pl.DataFrame:
    """The licences of a company that differ from everybody's in the way that its case says."""
    day = date.fromordinal(odd.day)
    two_years = {"valid_from": date(day.year - 1, 1, 1), "valid_to": date(day.year + 1, 12, 31)}
    other = next(each.code for place, each in customs.substances.items() if place not in yearly["item"].to_list())
    changes: dict[str, dict[str, Any]] = {
        "other": {"substance_code": other, **two_years},
        "expired": {"valid_from": day - timedelta(days=490), "valid_to": day - timedelta(days=125)},
        "limit": {"annual_limit_kg": pl.col("kg") * 0.3, **two_years},
        "all": {"licence_kind": "trade", "substance_code": None, "valid_from": day, "valid_to": date(customs.world.today.year + 1, 12, 31)},
    }
    if odd.kind not in changes:
        return pl.DataFrame(schema=_PERMISSION)
    values = {name: value if isinstance(value, pl.Expr) else pl.lit(value) for name, value in changes[odd.kind].items()}
    written = yearly.with_columns(annual_limit_kg=pl.lit(None, pl.Float64)).with_columns(**values)
    return written.select(list(_PERMISSION)).cast(_PERMISSION).unique(maintain_order=True)  # type: ignore[arg-type]


def _white_list(customs: Customs, yearly: pl.DataFrame) -> pl.DataFrame:
    companies = yearly.select("local_company").unique(maintain_order=True)
    is_listed = _draw(customs.seed, "white list", companies["local_company"].to_numpy()) < _WHITE_LISTED
    chosen = companies.filter(pl.Series(is_listed, dtype=pl.Boolean))
    listed = chosen.with_columns(
        licence_kind=pl.lit("white_list"),
        substance_code=pl.lit(None, pl.String),
        valid_from=date(customs.offices.clock.periods[0] // 100, 1, 1),
        valid_to=date(customs.world.today.year + 1, 12, 31),
        annual_limit_kg=pl.lit(None, pl.Float64),
    )
    return listed.cast(_PERMISSION)  # type: ignore[arg-type]


def _write_out(customs: Customs, permissions: pl.DataFrame) -> pl.DataFrame:
    """With the company as its authority writes it, and a number for each."""
    register, areas = customs.market.register, customs.offices.areas
    company = permissions["local_company"].to_numpy()
    everyone = np.ones(len(company), dtype=bool)
    spelling = company * SPELLINGS + (_draw(customs.seed, "licence name", company) < 0.15)
    country = pl.Series(np.array(areas.iso)[register.country[company]], dtype=pl.String)
    number = pl.int_range(1, pl.len() + 1).cast(pl.String).str.zfill(8)
    return permissions.with_columns(
        operator_name=register.look_up(register.names, spelling, everyone),
        operator_country=country,
        tax_number=register.look_up(register.number, company, everyone),
        party_address=register.look_up(register.addresses, spelling, everyone),
        licence_number=pl.format("L-{}-{}", country, number),
    ).select(LICENCE_COLUMNS)
