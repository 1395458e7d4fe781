"""The code lists hold together: one row per code, every reference resolves, every name means one thing."""

import re
from collections import Counter
from datetime import date

import pytest

from tests.codelists.conftest import CODELISTS, normalise, read_codelist

KEYS = {
    "area": ("area_code",),
    "area_alias": ("alias",),
    "border": ("area_code", "neighbour_area_code"),
    "declaration_alias": ("alias",),
    "chile_area": ("chile_area_code",),
    "chile_unit": ("chile_unit_code",),
    "commodity": ("commodity_code",),
    "density": ("commodity_code",),
    "flow_alias": ("alias",),
    "hs_concordance": ("from_revision", "from_code", "to_revision", "to_code"),
    "hs_revision": ("hs_revision",),
    "near_name": ("near_name", "near_kind"),
    "quantity_unit": ("quantity_unit_code",),
    "substance": ("substance_code",),
    "substance_name": ("substance_code", "language", "name"),
    "area_name": ("area_code", "language"),
    "substance_source": ("source_id",),
    "address_word": ("word",),
    "legal_form": ("legal_form_spelling",),
    "name_word": ("word",),
    "number_placeholder": ("placeholder_number",),
    "trade_flow_kind": ("flow_code",),
}
AREA_CODES = {row["area_code"] for row in read_codelist("area")}
REVISIONS = [row["hs_revision"] for row in read_codelist("hs_revision")]


def is_valid_cas(cas_number: str) -> bool:
    """The last digit is the sum of the others, each times its place from the right, modulo 10."""
    if not re.fullmatch(r"\d{2,7}-\d{2}-\d", cas_number):
        return False
    digits = cas_number.replace("-", "")
    return sum(place * int(digit) for place, digit in enumerate(reversed(digits[:-1]), 1)) % 10 == int(digits[-1])


def test_every_list_is_tested() -> None:
    assert {path.stem for path in CODELISTS.glob("*.csv")} == set(KEYS)


@pytest.mark.parametrize("name", KEYS)
def test_list_is_plain_text_with_one_row_per_key(name: str) -> None:
    content = (CODELISTS / f"{name}.csv").read_bytes()
    assert b"\r" not in content
    assert content.endswith(b"\n")
    counts = Counter(tuple(row[column] for column in KEYS[name]) for row in read_codelist(name))
    assert [key for key, count in counts.items() if count > 1] == []


@pytest.mark.parametrize("column", ["iso2", "iso3", "area_name"])
def test_area_spelling_means_one_area(column: str) -> None:
    counts = Counter(normalise(row[column]) for row in read_codelist("area") if row[column])
    assert [spelling for spelling, count in counts.items() if count > 1] == []


def test_only_a_country_has_iso2_and_a_position() -> None:
    for row in read_codelist("area"):
        is_country = row["area_class"] == "country"
        assert row["area_class"] in {"country", "aggregate", "pool", "former"}, row
        assert bool(row["latitude"] and row["longitude"]) == is_country, row
        assert is_country or not row["iso2"], row
        if is_country:
            assert -90 <= float(row["latitude"]) <= 90, row
            assert -180 <= float(row["longitude"]) <= 180, row


@pytest.mark.parametrize("column", ["is_landlocked", "reports_imports_fob", "is_reexport_hub", "is_any_partner"])
def test_area_flag_is_boolean(column: str) -> None:
    assert {row[column] for row in read_codelist("area")} == {"true", "false"}


def test_only_a_pool_can_stand_for_any_partner() -> None:
    assert {row["area_class"] for row in read_codelist("area") if row["is_any_partner"] == "true"} == {"pool"}


@pytest.mark.parametrize(
    ("spelling", "area_code"),
    [
        ("840", 842),
        ("250", 251),
        ("756", 757),
        ("356", 699),
        ("578", 579),
        ("158", 490),
        ("381", 380),
        ("492", 492),
        ("MCO", 9492),
        ("rep of korea", 410),
        ("DEM. PEOPLE'S REP. OF KOREA", 408),
        ("China, Hong Kong SAR", 344),
        ("Côte d'Ivoire", 384),
        ("Other Asia, nes", 490),
        ("TFYR of Macedonia", 807),
        ("Bolivia (Plurinational State of)", 68),
    ],
)
def test_spelling_resolves(area_lookup: dict[str, int], spelling: str, area_code: int) -> None:
    assert area_lookup[normalise(spelling)] == area_code


def test_area_alias_names_a_known_area() -> None:
    assert {row["area_code"] for row in read_codelist("area_alias")} <= AREA_CODES


def test_area_alias_is_never_a_code_of_another_area() -> None:
    assert AREA_CODES.isdisjoint(row["alias"] for row in read_codelist("area_alias"))


def test_area_alias_does_not_contradict_iso_codes(area_lookup: dict[str, int]) -> None:
    for row in read_codelist("area"):
        for spelling in (row["area_code"], row["iso2"], row["iso3"], row["area_name"]):
            assert not spelling or area_lookup[normalise(spelling)] == int(row["area_code"]), row


def test_every_area_name_is_also_an_alias() -> None:
    aliases = {(row["alias"], row["area_code"]) for row in read_codelist("area_alias")}
    assert {(row["area_name"], row["area_code"]) for row in read_codelist("area")} <= aliases


@pytest.mark.parametrize("name", ["area_alias", "flow_alias"])
def test_alias_is_unique_in_its_normalised_form(name: str) -> None:
    counts = Counter(normalise(row["alias"]) for row in read_codelist(name))
    assert [alias for alias, count in counts.items() if count > 1 or not alias] == []


def test_flow_alias_names_a_known_flow() -> None:
    kinds = {row["flow_code"]: row["status"] for row in read_codelist("trade_flow_kind")}
    assert {code for code, status in kinds.items() if status == "good"} == {"M", "X", "RM", "RX"}
    assert set(kinds.values()) == {"good", "component"}
    assert {row["flow_code"] for row in read_codelist("flow_alias")} <= set(kinds)


def test_only_a_mass_has_kg_per_unit() -> None:
    for row in read_codelist("quantity_unit"):
        assert bool(row["kg_per_unit"]) == (row["dimension"] == "mass"), row


def test_a_unit_is_so_many_of_a_base_unit_of_its_dimension() -> None:
    units = {row["quantity_unit_code"]: row for row in read_codelist("quantity_unit")}
    for row in units.values():
        assert bool(row["base_unit_code"]) == bool(row["base_unit_factor"]) == (row["dimension"] != "none"), row
        if row["base_unit_code"]:
            base = units[row["base_unit_code"]]
            assert (base["base_unit_code"], base["base_unit_factor"]) == (base["quantity_unit_code"], "1"), row
            assert base["dimension"] == row["dimension"], row
        if row["kg_per_unit"]:
            assert (row["base_unit_code"], float(row["base_unit_factor"])) == ("8", float(row["kg_per_unit"])), row


def test_density_is_that_of_a_substance_with_a_code_of_its_own() -> None:
    substances = {row["substance_code"]: row for row in read_codelist("substance")}
    for row in read_codelist("density"):
        substance = substances[row["substance_code"]]
        assert substance["has_own_commodity_code"] == "true", row
        assert substance["commodity_code_hs2022"] == row["commodity_code"], row
        assert 0.6 < float(row["density_kg_per_litre"]) < 2, row
        assert 0 < float(row["density_log_sigma"]) <= 0.1, row
        assert row["source"], row
        assert row["verification"] in {"read", "memory"}, row


def test_cas_number_keeps_its_check_digit() -> None:
    assert is_valid_cas("67-64-1")
    assert not is_valid_cas("67-64-2")
    wrong = [row["cas_number"] for row in read_codelist("substance") if row["cas_number"]]
    assert [cas_number for cas_number in wrong if not is_valid_cas(cas_number)] == []


def test_cas_number_means_one_substance() -> None:
    counts = Counter(row["cas_number"] for row in read_codelist("substance") if row["cas_number"])
    assert [cas_number for cas_number, count in counts.items() if count > 1] == []


def test_substance_names_known_sources() -> None:
    known = {row["source_id"] for row in read_codelist("substance_source")}
    for row in read_codelist("substance"):
        for column in ("source_un", "source_hs", "source_cas", "source_national"):
            assert set(re.split(r"[;+]", row[column])) - {""} <= known, row


def test_substance_is_dated_where_its_year_is_known() -> None:
    for row in read_codelist("substance"):
        assert row["valid_from"] == (f"{row['un_control_year']}-01-01" if row["un_control_year"] else ""), row
        assert not row["valid_from"] or date.fromisoformat(row["valid_from"]).year >= 1988, row


def test_substance_code_is_a_slug_of_its_name() -> None:
    for row in read_codelist("substance"):
        assert row["substance_code"] == normalise(row["substance_name"]).replace(" ", "_"), row


def test_commodity_lists_its_substances() -> None:
    expected: dict[str, set[str]] = {}
    for row in read_codelist("substance"):
        for edition in ("hs2012", "hs2017", "hs2022"):
            expected.setdefault(row[f"commodity_code_{edition}"], set()).add(row["substance_code"])
    for row in read_codelist("commodity"):
        codes = expected.pop(row["commodity_code"], set())
        assert set(filter(None, row["substance_codes"].split(";"))) == codes, row
        assert (row["watch_class"] == "watched") == bool(codes) == bool(row["exposure"]), row
        assert row["watch_class"] in {"watched", "neighbour", "other"}, row
    assert expected == {}


def test_family_of_a_commodity_is_that_of_its_substances() -> None:
    family = {row["substance_code"]: set(row["family"].split(";")) - {""} for row in read_codelist("substance")}
    for row in read_codelist("commodity"):
        expected = set().union(*(family[code] for code in row["substance_codes"].split(";") if code))
        assert set(row["substance_family"].split(";")) - {""} == expected, row


def test_concordance_weight_is_known_only_where_the_code_goes_to_one_code() -> None:
    rows = read_codelist("hs_concordance")
    targets = Counter((row["from_revision"], row["from_code"], row["to_revision"]) for row in rows)
    for row in rows:
        assert re.fullmatch(r"[1n]:[1n]", row["relation"]), row
        assert row["weight"] == ("1.0" if row["relation"].endswith(":1") else ""), row
        if row["weight"]:
            assert targets[row["from_revision"], row["from_code"], row["to_revision"]] == 1, row


def test_concordance_goes_both_ways_between_neighbouring_editions() -> None:
    rows = read_codelist("hs_concordance")
    steps = {(row["from_revision"], row["from_code"], row["to_revision"], row["to_code"]) for row in rows}
    assert {(to, to_code, since, code) for since, code, to, to_code in steps} == steps
    assert all(abs(REVISIONS.index(since) - REVISIONS.index(to)) == 1 for since, _, to, _ in steps)


@pytest.mark.parametrize(("since", "to", "old", "new"), [("H4", "H5", "2012", "2017"), ("H5", "H6", "2017", "2022")])
def test_concordance_carries_every_substance_over_each_edition(since: str, to: str, old: str, new: str) -> None:
    rows = read_codelist("hs_concordance")
    pairs = {(row["from_code"], row["to_code"]) for row in rows if (row["from_revision"], row["to_revision"]) == (since, to)}
    for row in read_codelist("substance"):
        assert (row[f"commodity_code_hs{old}"], row[f"commodity_code_hs{new}"]) in pairs, row


def test_a_border_joins_two_countries_once() -> None:
    countries = {row["area_code"] for row in read_codelist("area") if row["area_class"] == "country"}
    pairs = [(row["area_code"], row["neighbour_area_code"]) for row in read_codelist("border")]
    assert all(int(one) < int(other) for one, other in pairs)
    assert {code for pair in pairs for code in pair} <= countries
    assert {row["border_kind"] for row in read_codelist("border")} == {"land", "causeway"}


@pytest.mark.parametrize(
    ("area_code", "count"), [("156", 16), ("643", 14), ("276", 9), ("484", 3), ("180", 9), ("76", 9), ("620", 1), ("392", 0)]
)
def test_a_country_has_as_many_neighbours_as_the_map_shows(area_code: str, count: int) -> None:
    """China with Hong Kong and Macao; France's overseas borders are not counted."""
    assert sum(area_code in (row["area_code"], row["neighbour_area_code"]) for row in read_codelist("border")) == count


@pytest.mark.parametrize(
    ("name", "code", "listed"), [("chile_area", "area_code", "area"), ("chile_unit", "quantity_unit_code", "quantity_unit")]
)
def test_a_sources_own_codes_lead_to_ours(name: str, code: str, listed: str) -> None:
    assert {row[code] for row in read_codelist(name)} <= {row[code] for row in read_codelist(listed)}
