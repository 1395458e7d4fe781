"""No code and no name met in the real data is unknown to the code lists; skips where the data are absent."""

import csv
from pathlib import Path

import polars as pl
import pytest

from tests.codelists.conftest import normalise, read_codelist

MONTHLY = "comtrade_monthly_2008_2018/comtrade_monthly_2008_2018.parquet"
NEW_API = "comtrade_monthly_newapi/comtrade_monthly_newapi_fish.parquet"
ANNUAL = "comtrade_annual_hs28_imports/comtrade_annual_imports_hs6.parquet"
SAWNWOOD = "comtrade_annual_sawnwood/comtrade_440799_annual_both_flows.parquet"
CORRELATIONS = {
    ("H5", "H6"): "HS_2022_to_HS_2017_ConversionAndCorrelationTable__Correlation_Tables.csv",
    ("H4", "H5"): "HS_2017_to_HS_2012_ConversionAndCorrelationTable__Correlation_Tables.csv",
    ("H3", "H4"): "HS_2012_to_HS_2007_Correlation_and_conversion_ta__Correlation_Tables.csv",
    ("H2", "H3"): "HS_2007_to_HS_2002_Correlation_and_conversion_ta__Correlation_Tables.csv",
    ("H1", "H2"): "HS_2002_to_HS_1996_Correlation_and_conversion_ta__Correlation_Tables.csv",
}
# Steps of the official tables that the concordance leaves out on purpose; the row of the code says why.
LEFT_OUT_TARGETS = {"300693", "285200", "300680"}
LEFT_OUT_STEPS = {("293332", "293980")}


def read_distinct(path: Path, column: str) -> set[str]:
    values = pl.scan_parquet(path).select(column).drop_nulls().unique().collect().to_series()
    return {str(int(value)) if isinstance(value, float) else str(value) for value in values}


@pytest.mark.parametrize(
    ("file", "columns"),
    [
        (MONTHLY, ("reporter", "partner")),
        (NEW_API, ("reporter_code", "partner_code", "partner2code")),
        (ANNUAL, ("reporterCode", "partnerCode", "partner2Code", "reporterDesc", "partnerDesc")),
        (SAWNWOOD, ("reportercode", "partnercode", "reporter", "partner")),
    ],
)
def test_every_area_met_is_known(real_data: Path, area_lookup: dict[str, int], file: str, columns: tuple[str, ...]) -> None:
    met = {value for column in columns for value in read_distinct(real_data / file, column)}
    assert sorted(value for value in met if normalise(value) not in area_lookup) == []


@pytest.mark.parametrize("file", ["comtrade_partners.csv", "comtrade_reporters.csv"])
def test_name_and_code_of_the_published_list_mean_the_same_area(real_data: Path, area_lookup: dict[str, int], file: str) -> None:
    with (real_data / "nomenclature" / file).open(encoding="utf-8", newline="") as published:
        rows = [(row["id"], row["country"]) for row in csv.DictReader(published)]
    wrong = [row for row in rows if not area_lookup.get(row[0]) == area_lookup.get(normalise(row[1])) is not None]
    assert wrong == []


@pytest.mark.parametrize(
    ("file", "column"),
    [(NEW_API, "qty_unit_code"), (NEW_API, "alt_qty_unit_code"), (ANNUAL, "qtyUnitCode"), (SAWNWOOD, "unitcode")],
)
def test_every_unit_met_is_known(real_data: Path, file: str, column: str) -> None:
    assert read_distinct(real_data / file, column) <= {row["quantity_unit_code"] for row in read_codelist("quantity_unit")}


@pytest.mark.parametrize(
    ("file", "column"),
    [(NEW_API, "flow_code"), (ANNUAL, "flowCode"), (MONTHLY, "trade_flow"), (SAWNWOOD, "flow"), (SAWNWOOD, "flowcode")],
)
def test_every_flow_met_is_known(real_data: Path, file: str, column: str) -> None:
    known = {normalise(row["flow_code"]) for row in read_codelist("trade_flow_kind")}
    known |= {normalise(row["alias"]) for row in read_codelist("flow_alias")}
    assert {normalise(value) for value in read_distinct(real_data / file, column)} <= known


@pytest.mark.parametrize(
    ("file", "column"), [(NEW_API, "classification_code"), (ANNUAL, "classificationCode"), (SAWNWOOD, "classification")]
)
def test_every_edition_met_is_known(real_data: Path, file: str, column: str) -> None:
    assert read_distinct(real_data / file, column) <= {row["hs_revision"] for row in read_codelist("hs_revision")}


@pytest.mark.parametrize(("since", "to"), CORRELATIONS)
def test_concordance_agrees_with_the_official_correlation(real_data: Path, since: str, to: str) -> None:
    path = real_data / "nomenclature" / "concordance" / CORRELATIONS[since, to]
    with path.open(encoding="utf-8-sig", newline="") as published:
        lines = [[cell.strip() for cell in line] for line in csv.reader(published)]
    official = {(line[1], line[0]) for line in lines if line[0][:1].isdigit()}
    rows = read_codelist("hs_concordance")
    ours = {(row["from_code"], row["to_code"]) for row in rows if (row["from_revision"], row["to_revision"]) == (since, to)}
    assert sorted(ours - official) == []
    sources = {code for code, _ in ours}
    missing = {step for step in official - ours - LEFT_OUT_STEPS if step[0] in sources and step[1] not in LEFT_OUT_TARGETS}
    assert sorted(missing) == []


@pytest.mark.parametrize("revision", ["H4", "H5", "H6"])
def test_commodity_stands_in_the_editions_that_it_names(real_data: Path, revision: str) -> None:
    path = real_data / "nomenclature" / "hs" / f"comtrade_cmd_{revision}.csv"
    with path.open(encoding="utf-8", newline="") as published:
        official = {row["id"] for row in csv.DictReader(published)}
    for row in read_codelist("commodity"):
        is_in_edition = row["first_hs_revision"] <= revision <= (row["last_hs_revision"] or "H6")
        assert (row["commodity_code"] in official) == is_in_edition, row
