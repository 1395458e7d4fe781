"""Codes across HS editions: the way leads forward only, where it is sure, and neither a row nor a kilogram is lost on it."""

from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from tradeflow.conform import find_code_births, state_in_newest_edition
from tradeflow.contract import load_codelist

CONCORDANCE_COLUMNS = ["from_revision", "from_code", "to_revision", "to_code", "relation", "weight"]
CONCORDANCE_SCHEMA = dict.fromkeys(CONCORDANCE_COLUMNS, pl.String) | {"weight": pl.Float64}
ROW_SCHEMA = {
    "freq_code": pl.String, "period": pl.Int32, "reporter_code": pl.Int32, "hs_revision": pl.String, "commodity_code": pl.String,
    "commodity_chapter": pl.String, "primary_value_usd": pl.Float64, "net_weight_kg": pl.Float64,
}  # fmt: skip


def concordance(*steps: str) -> pl.DataFrame:
    """Steps as "H1 000001 H2 000002 1:1"; only a way to one code alone has a weight."""
    rows = [(*step.split(), 1.0 if step.endswith(":1") else None) for step in steps]
    return pl.DataFrame(rows, schema=CONCORDANCE_SCHEMA, orient="row")


def rows_of(*rows: tuple[str | None, str]) -> pl.LazyFrame:
    """Rows as (edition, code); the value and weight tell their place."""
    filled = [("M", 202401, 484, revision, code, code[:2], float(place), place / 2) for place, (revision, code) in enumerate(rows)]
    return pl.LazyFrame(filled, schema=ROW_SCHEMA, orient="row")


def stated(steps: pl.DataFrame, *rows: tuple[str | None, str]) -> list[str]:
    found = state_in_newest_edition(rows_of(*rows), steps).collect()
    return found.sort("primary_value_usd")["commodity_code"].to_list()


# --- the newest code -----------------------------------------------------------------------------------------------------------


def test_a_chain_over_several_editions_ends_at_the_newest_code() -> None:
    steps = concordance(
        "H1 290001 H2 290002 1:1", "H2 290002 H3 290002 1:1", "H3 290002 H4 290003 1:1",
        "H4 290003 H5 290004 n:1", "H5 290004 H6 290004 1:1",
    )  # fmt: skip

    found = stated(steps, ("H1", "290001"), ("H2", "290002"), ("H3", "290002"), ("H4", "290003"), ("H5", "290004"), ("H6", "290004"))

    assert found == ["290004"] * 6


def test_the_way_back_is_never_taken() -> None:
    steps = concordance("H4 290001 H5 290002 1:1", "H5 290002 H4 290001 1:1", "H6 290009 H5 290002 n:1")

    assert stated(steps, ("H4", "290001"), ("H5", "290002"), ("H6", "290009")) == ["290002", "290002", "290009"]


def test_a_code_that_was_split_keeps_its_code_and_so_does_what_leads_to_it() -> None:
    split = concordance("H4 290002 H5 290003 1:n", "H4 290002 H5 290004 1:n", "H3 290001 H4 290002 1:1", "H4 290008 H5 290009 n:n")

    assert stated(split, ("H4", "290002"), ("H3", "290001"), ("H4", "290008")) == ["290002", "290002", "290008"]


def test_a_code_is_known_by_its_edition() -> None:
    steps = concordance("H4 290001 H5 290002 1:1", "H5 290001 H6 290007 1:1")

    found = stated(steps, ("H4", "290001"), ("H5", "290001"), ("H6", "290001"), (None, "290001"), ("H0", "290001"))

    assert found == ["290002", "290007", "290001", "290001", "290001"]


def test_a_code_that_returns_to_its_number_keeps_it() -> None:
    assert stated(concordance("H4 290001 H5 290002 1:1", "H5 290002 H6 290001 1:1"), ("H4", "290001"), ("H5", "290002")) == ["290001"] * 2


def test_a_list_that_also_skips_editions_doubles_no_row() -> None:
    steps = concordance("H1 290001 H2 290002 1:1", "H1 290001 H3 290002 1:1", "H2 290002 H3 290002 1:1", "H1 290001 H4 290003 1:1")

    assert stated(steps, ("H1", "290001")) == ["290003"]


def test_the_chapter_follows_the_code_and_the_edition_stays_as_reported() -> None:
    found = state_in_newest_edition(rows_of(("H4", "293339"), ("H4", "010121")), concordance("H4 293339 H5 300001 1:1")).collect()

    assert found.select("commodity_code", "commodity_chapter", "hs_revision").rows() == [("300001", "30", "H4"), ("010121", "01", "H4")]


def test_the_real_list_joins_what_was_renumbered_and_leaves_what_was_split() -> None:
    real = load_codelist("hs_concordance")
    expected = {
        ("H3", "290369"): "290399",  # renumbered in 2012; split in 2017, so no further
        ("H3", "293221"): "293220",
        ("H3", "293229"): "293220",
        ("H4", "293999"): "293979",
        ("H4", "293991"): "293971",
        ("H4", "292690"): "292690",  # alpha-phenylacetoacetonitrile left it in 2017
        ("H5", "293339"): "293339",  # NPP and ANPP left it in 2022
        ("H6", "293336"): "293336",
        ("H6", "291411"): "291411",
    }

    assert stated(real, *expected) == list(expected.values())


_chosen_codes = st.sampled_from(["290001", "290002", "290003", "300001"])


@st.composite
def concordances(draw: st.DrawFn) -> pl.DataFrame:
    """Any steps between any editions; a code of one edition has at most one whole-weight successor in another."""
    editions = st.sampled_from(["H1", "H2", "H3", "H4"])
    ways = st.tuples(editions, _chosen_codes, editions)
    drawn = draw(
        st.lists(st.tuples(ways, _chosen_codes, st.sampled_from(["1:1", "n:1", "1:n", "n:n"])), max_size=12, unique_by=lambda it: it[0])
    )
    return concordance(*(f"{start} {code} {end} {other} {relation}" for (start, code, end), other, relation in drawn))


def slowly_stated(steps: list[dict[str, Any]], revision: str | None, code: str) -> set[str]:
    """Every code at which a walk of sure steps forward can end."""
    onward = [s for s in steps if s["weight"] == 1 and s["from_revision"] == revision and s["from_code"] == code]
    forward = [s for s in onward if s["to_revision"] > s["from_revision"]]
    return set.union(*(slowly_stated(steps, s["to_revision"], s["to_code"]) for s in forward)) if forward else {code}


_reported_rows = st.lists(st.tuples(st.sampled_from(["H1", "H2", "H3", "H4", None]), _chosen_codes), max_size=8)


@settings(max_examples=80, deadline=None)
@given(concordances(), _reported_rows)
def test_each_row_comes_out_once_and_whole_under_a_code_at_the_end_of_a_sure_way(steps: pl.DataFrame, rows: list[Any]) -> None:
    before = rows_of(*rows)
    found = state_in_newest_edition(before, steps).collect().sort("primary_value_usd")

    kept = ["commodity_code", "commodity_chapter"]
    assert_frame_equal(found.drop(kept), before.collect().drop(kept))
    assert found["commodity_chapter"].to_list() == [code[:2] for code in found["commodity_code"]]
    for (revision, code), newest in zip(rows, found["commodity_code"], strict=True):
        assert newest in slowly_stated(steps.to_dicts(), revision, code)


# --- births --------------------------------------------------------------------------------------------------------------------


def births(steps: pl.DataFrame, *rows: tuple[str, int, int, str | None]) -> list[tuple[Any, ...]]:
    """Rows as (frequency, reporter, period, edition), of any code at all."""
    schema = {"freq_code": pl.String, "reporter_code": pl.Int32, "period": pl.Int32, "hs_revision": pl.String}
    found = find_code_births(pl.LazyFrame(rows, schema=schema, orient="row"), steps)
    return found.select("freq_code", "reporter_code", "commodity_code", "first_period").rows()


SPLIT = concordance(
    "H4 292690 H5 292690 1:n", "H4 292690 H5 292640 1:n", "H5 292640 H6 292640 1:1", "H5 293339 H6 293336 1:n",
    "H5 292640 H4 292690 n:1", "H4 290001 H5 290002 1:1", "H2 293999 H1 293970 1:n", "H4 293339 H5 293980 n:n",
)  # fmt: skip


def test_a_code_is_born_when_each_reporter_switches_to_its_edition() -> None:
    found = births(
        SPLIT,
        ("M", 484, 201612, "H4"), ("M", 484, 201708, "H5"), ("M", 484, 201709, "H5"), ("M", 484, 202207, "H6"),
        ("M", 842, 201612, "H4"), ("M", 842, 201701, "H5"),
    )  # fmt: skip

    assert found == [("M", 484, "292640", 201708), ("M", 484, "293336", 202207), ("M", 842, "292640", 201701)]


def test_a_reporter_that_skipped_an_edition_could_use_the_code_from_the_next() -> None:
    assert births(SPLIT, ("M", 484, 201612, "H4"), ("M", 484, 202301, "H6")) == [("M", 484, "292640", 202301), ("M", 484, "293336", 202301)]


def test_a_reporter_that_fell_back_for_a_month_keeps_its_first_switch() -> None:
    rows = [("M", 484, 201703, "H5"), ("M", 484, 201704, "H4"), ("M", 484, 201705, "H5"), ("M", 484, 201702, "H4")]

    assert births(SPLIT, *rows) == [("M", 484, "292640", 201703)]


def test_a_code_that_two_editions_gave_something_to_was_born_in_the_first() -> None:
    fed_twice = concordance("H4 292690 H5 292640 1:n", "H5 293339 H6 292640 1:n")

    assert births(fed_twice, ("M", 484, 201703, "H5"), ("M", 484, 202201, "H6")) == [("M", 484, "292640", 201703)]


def test_who_never_used_the_edition_or_does_not_say_has_no_row() -> None:
    assert births(SPLIT, ("M", 484, 202301, "H4"), ("M", 842, 202301, None)) == []


def test_months_and_years_have_births_of_their_own() -> None:
    assert births(SPLIT, ("A", 484, 2018, "H5"), ("M", 484, 201708, "H5")) == [("A", 484, "292640", 2018), ("M", 484, "292640", 201708)]


def test_the_real_list_knows_the_births_of_the_watched_precursors() -> None:
    found = {code for _, _, code, _ in births(load_codelist("hs_concordance"), ("M", 484, 202207, "H6"))}

    assert {"292640", "293336", "293337", "293334"} <= found
    assert not {"292690", "293339", "291411"} & found
