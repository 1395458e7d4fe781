"""Companies: careful merges, each with its reason; ids that hold over runs; a person's word that later runs follow."""

import datetime
from itertools import combinations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from tradeflow.contract import load_contract
from tradeflow.evaluate.companies import judge_linker, nothing_known
from tradeflow.exceptions import TradeflowError
from tradeflow.resolve.candidate import propose_pairs
from tradeflow.resolve.entity import Known, Linker, Resolved, resolve_parties
from tradeflow.resolve.learned import link_by_weights
from tradeflow.resolve.party import PARTY, describe_parties, list_parties
from tradeflow.sample.companies import make_companies
from tradeflow.steps.companies import load_name_lists, load_placeholders

LISTS, PLACEHOLDERS = load_name_lists(), load_placeholders()
TODAY, LATER = datetime.date(2026, 1, 1), datetime.date(2026, 2, 1)
Party = tuple[str, str | None, str | None, str | None]


def appear(*parties: Party, role: str = "importer") -> pl.DataFrame:
    rows = pl.DataFrame(list(parties), dict.fromkeys(PARTY, pl.String), orient="row")
    return rows.with_columns(pl.lit(role).alias("party_role"))


def resolve(*parties: Party, known: Known | None = None, today: datetime.date = TODAY) -> Resolved:
    return resolve_parties(appear(*parties), LISTS, PLACEHOLDERS, known or nothing_known(), today=today)


def groups(resolved: Resolved) -> set[frozenset[str]]:
    return {frozenset(names) for names in resolved.entity_name.group_by("entity_id").agg("party_name")["party_name"].to_list()}


def known_from(resolved: Resolved, *decisions: tuple[str, str, str, int]) -> Known:
    """What a run leaves behind, with decisions (name, name, word, day of February) on its names."""
    ids = dict(resolved.entity_name.select("party_name", "party_id").iter_rows())
    rows = [(ids[one], ids[other], word, "an analyst", datetime.date(2026, 2, day), "asked them") for one, other, word, day in decisions]
    return Known(resolved.entity_name, resolved.entity, pl.DataFrame(rows, load_contract("entity_decision").schema, orient="row"))


# --- what is merged ------------------------------------------------------------------------------------------------------------

QARONA, QARONA_SHORT = "Qarona Quimica S.A. de C.V.", "QARONA QUIM."
STREET, STREET_SHORT = "Calle Qelis 12, Centro", "C. QELIS NO. 12 CENTRO"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((QARONA, "MEX", "QAR010203AB1", None), ("Qelisoma", "MEX", "qar-010203-ab1", None)),
        ((QARONA, "MEX", None, STREET), ("Qarrona Quimica", "MEX", "QAR010203AB1", STREET_SHORT)),
        ((QARONA, "MEX", None, None), (QARONA_SHORT, "MEX", "QAR010203AB1", STREET)),
        (("Qaronaveli Trading", "MEX", None, None), ("Qaronavelli Trading", "MEX", None, None)),
        ((QARONA, "MEX", None, STREET), (QARONA_SHORT, "COL", None, STREET_SHORT)),
        ((QARONA, "MEX", "QAR010203AB1", None), (QARONA_SHORT, "COL", "QAR010203AB1", None)),
        ((QARONA, "MEX", None, None), (QARONA_SHORT, None, None, None)),
    ],
    ids=["number", "address", "name", "one slip in a long name", "abroad by address", "abroad by number", "no country"],
)
def test_one_company_under_two_spellings(one: Party, other: Party) -> None:
    resolved = resolve(one, other)
    assert resolved.entity["name_count"].to_list() == [2]
    assert resolved.entity_link["link_reason"][0]
    assert resolved.entity_link["is_merged"].to_list() == [True]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((QARONA, "MEX", "QAR010203AB1", STREET), (QARONA, "MEX", "QAR010203AB7", STREET)),
        ((QARONA, "MEX", None, None), (QARONA, "COL", None, None)),
        ((QARONA, "MEX", "QAR010203AB1", None), (QARONA, "COL", "900123456", None)),
        ((QARONA, "MEX", "00000000", None), ("Qelisoma", "MEX", "00000000", None)),
        (("Qarona Plant 2", "MEX", None, STREET), ("Qarona Plant 3", "MEX", None, STREET)),
        (("Qarona S.A.", "PER", None, None), ("Qarona S.R.L.", "PER", None, None)),
        (("Qarona Chemicals", "MEX", None, None), ("Qarona Logistics", "MEX", None, None)),
        (("Qarona", "MEX", None, None), ("Qarone", "MEX", None, None)),
        (("Qarona", "MEX", None, STREET), ("Qelisoma", "MEX", None, STREET)),
    ],
    ids=["two numbers", "namesakes abroad", "numbers abroad", "placeholder", "plants", "legal forms", "words", "short name", "shells"],
)
def test_two_companies_stay_two(one: Party, other: Party) -> None:
    assert resolve(one, other).entity.height == 2


def test_a_table_without_countries_is_of_one_country() -> None:
    assert resolve(("Qaronaveli Trading", None, None, None), ("Qaronavelli Trading", None, None, None)).entity.height == 1


def test_too_few_spellings_to_learn_from_are_told() -> None:
    with pytest.raises(TradeflowError, match="link by rules"):
        resolve_parties(appear(("Qarona", "MEX", None, None)), LISTS, PLACEHOLDERS, nothing_known(), today=TODAY, linker=link_by_weights)


def test_two_numbers_at_one_address_are_told_to_a_person() -> None:
    link = resolve((QARONA, "MEX", "QAR010203AB1", STREET), (QARONA, "MEX", "QAR010203AB7", STREET)).entity_link
    assert link.select("is_merged", "link_rule").rows() == [(False, None)]
    assert "a person should look" in link["link_reason"][0]


def test_a_spelling_without_a_number_joins_no_two_numbers() -> None:
    resolved = resolve((QARONA, "MEX", "QAR010203AB1", STREET), (QARONA, "MEX", "QAR010203AB7", STREET), (QARONA, "MEX", None, STREET))
    assert sorted(resolved.entity["name_count"]) == [1, 2]


def test_a_number_of_many_names_is_a_brokers_and_links_nobody() -> None:
    names = ["Qarona", "Belqisu", "Zomuqe", "Tirqola", "Vusqani"]
    assert resolve(*((name, "MEX", "BRO010203AB1", None) for name in names)).entity.height == 5


def test_roles_are_counted_apart_and_a_row_without_a_name_is_nobody() -> None:
    rows = pl.concat(
        [appear(("Qarona", "MEX", None, None)), appear(("Qarona", "MEX", None, None), (None, "MEX", "1", None), role="broker")]
    )
    name = resolve_parties(rows, LISTS, PLACEHOLDERS, nothing_known(), today=TODAY).entity_name
    assert name.select("mention_count", "importer_count", "broker_count", "exporter_count").rows() == [(2, 1, 1, 0)]


def test_no_name_at_all_gives_empty_tables() -> None:
    resolved = resolve()
    for name in ("entity", "entity_name", "entity_link"):
        assert getattr(resolved, name).is_empty()
        assert getattr(resolved, name).schema == load_contract(name).schema


# --- whole worlds --------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def world() -> Resolved:
    return resolve_parties(make_companies(400, 8, 0.05).drop("_company"), LISTS, PLACEHOLDERS, nothing_known(), today=TODAY)


def test_the_tables_keep_their_contracts(world: Resolved) -> None:
    for name in ("entity", "entity_name", "entity_link"):
        found, contract = getattr(world, name), load_contract(name)
        assert found.schema == contract.schema
        for column in contract.columns:
            assert not column.is_required or found[column.name].null_count() == 0, column.name
        assert not found.select(contract.unique_keys[0]).is_duplicated().any()


def test_every_merge_is_explained(world: Resolved) -> None:
    """The links alone, read without the entities, put the same names together."""
    ends = world.entity_link.filter("is_merged").select("left_party_id", "right_party_id").rows()
    above = {party: party for party in world.entity_name["party_id"]}

    def head(party: str) -> str:
        while above[party] != party:
            party = above[party]
        return party

    for one, other in ends:
        above[head(one)] = head(other)
    told = world.entity_name.with_columns(pl.Series("_told", [head(party) for party in world.entity_name["party_id"]]))
    assert told.group_by("entity_id").agg(pl.col("_told").n_unique())["_told"].max() == 1
    assert world.entity_link["link_reason"].str.len_chars().min() > 20


def test_no_entity_has_two_numbers_of_one_country(world: Resolved) -> None:
    described = describe_parties(list_parties(make_companies(400, 8, 0.05)), LISTS, PLACEHOLDERS)
    numbered = described.select("party_id", "_country", "_number").drop_nulls().join(world.entity_name, on="party_id")
    assert numbered.group_by("entity_id", "_country").agg(pl.col("_number").n_unique())["_number"].max() == 1


def test_the_order_of_the_rows_does_not_matter(world: Resolved) -> None:
    shuffled = make_companies(400, 8, 0.05).drop("_company").sample(fraction=1, shuffle=True, seed=4)
    again = resolve_parties(shuffled, LISTS, PLACEHOLDERS, nothing_known(), today=TODAY)
    assert_frame_equal(again.entity_name, world.entity_name)
    assert_frame_equal(again.entity_link, world.entity_link)


@pytest.mark.parametrize(("linker", "companies"), [(None, 1000), (link_by_weights, 3000)], ids=["rules", "splink"])
def test_precision_recall_and_kept_ids(linker: Linker | None, companies: int) -> None:
    found = judge_linker("", linker, companies, 31, 0.1)
    assert found.pairs.precision >= 0.98
    assert found.pairs.recall >= 0.9
    assert found.kept_share >= 0.99


def test_pairs_to_compare_grow_with_the_parties_and_not_with_their_square() -> None:
    small, large = (describe_parties(list_parties(make_companies(size, 3, 0.05)), LISTS, PLACEHOLDERS) for size in (300, 2400))
    per_party = [propose_pairs(each).height / each.height for each in (small, large)]
    assert per_party[1] < 1.3 * per_party[0]


# --- ids over runs -------------------------------------------------------------------------------------------------------------


def test_an_entity_keeps_its_id_when_names_are_added() -> None:
    first = resolve((QARONA, "MEX", "QAR010203AB1", None))
    second = resolve((QARONA_SHORT, "MEX", "QAR010203AB1", STREET), ("Belqisu", "MEX", None, None), known=known_from(first), today=LATER)
    assert first.entity["entity_id"][0] in second.entity["entity_id"].to_list()
    assert groups(second) == {frozenset({QARONA, QARONA_SHORT}), frozenset({"Belqisu"})}
    assert second.entity.filter(pl.col("name_count") == 2)["first_seen_on"].to_list() == [TODAY]


def test_the_older_of_two_entities_survives_a_merge_and_the_other_is_listed() -> None:
    old = resolve(("Qarona", "MEX", None, STREET))
    both = resolve(("Belqisu", "MEX", None, None), ("Qarona", "MEX", None, STREET), known=known_from(old), today=LATER)
    third = datetime.date(2026, 3, 1)
    merged = resolve(("Zomuqe", "PER", None, None), known=known_from(both, ("Belqisu", "Qarona", "same", 5)), today=third)
    gone = merged.entity.drop_nulls("merged_into_id")
    assert gone["entity_id"].to_list() == both.entity_name.filter(pl.col("party_name") == "Belqisu")["entity_id"].to_list()
    assert gone["merged_into_id"].to_list() == old.entity["entity_id"].to_list()
    apart = resolve(("Zomuqe", "PER", None, None), known=known_from(merged, ("Belqisu", "Qarona", "different", 6)), today=third)
    assert apart.entity["merged_into_id"].null_count() == 3
    assert apart.entity_name.select("party_id", "entity_id").join(both.entity_name, on=["party_id", "entity_id"], how="semi").height == 2


def test_a_second_run_with_the_same_rows_changes_nothing(world: Resolved) -> None:
    known = Known(world.entity_name, world.entity, nothing_known().entity_decision)
    again = resolve_parties(make_companies(400, 8, 0.05).drop("_company"), LISTS, PLACEHOLDERS, known, today=LATER)
    assert_frame_equal(again.entity, world.entity)
    assert_frame_equal(again.entity_name, world.entity_name)


# --- decisions -----------------------------------------------------------------------------------------------------------------


def test_a_person_overrules_two_numbers_and_a_link() -> None:
    parties = [(QARONA, "MEX", "QAR010203AB1", None), (QARONA_SHORT, "MEX", "QAR010203AB7", None)]
    first = resolve(*parties)
    assert resolve(*parties, known=known_from(first, (QARONA, QARONA_SHORT, "same", 1))).entity["name_count"].max() == 2
    alike = [(QARONA, "MEX", None, None), (QARONA_SHORT, "MEX", None, None)]
    first = resolve(*alike)
    assert resolve(*alike, known=known_from(first, (QARONA, QARONA_SHORT, "different", 1))).entity["name_count"].to_list() == [1, 1]


def test_of_two_decisions_the_newer_holds() -> None:
    parties = [("Qarona", "MEX", None, None), ("Belqisu", "MEX", None, None)]
    first = resolve(*parties)
    known = known_from(first, ("Belqisu", "Qarona", "same", 2), ("Qarona", "Belqisu", "different", 1))
    assert len(groups(resolve(*parties, known=known))) == 1


def test_a_decision_that_others_contradict_is_told() -> None:
    parties = [(name, "MEX", None, None) for name in ("Qarona", "Belqisu", "Zomuqe")]
    first = resolve(*parties)
    known = known_from(first, ("Qarona", "Belqisu", "same", 1), ("Belqisu", "Zomuqe", "same", 2), ("Qarona", "Zomuqe", "different", 3))
    second = resolve(*parties, known=known)
    assert groups(second) == {frozenset({"Belqisu", "Zomuqe"}), frozenset({"Qarona"})}
    assert second.notes == ("1 decisions that two names are one company contradict decisions that they are not",)


PLACES = st.integers(0, 5)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(PLACES, PLACES, st.sampled_from(["same", "different"])), max_size=6))
def test_what_a_person_keeps_apart_is_never_put_together(words: list[tuple[int, int, str]]) -> None:
    """Six spellings of one name: all are alike, so only decisions keep them apart."""
    parties = [(f"Qaronaveli{mark}", "MEX", None, None) for mark in ["", ".", ",", " SA", " S.A.", " S A"]]
    first = resolve(*parties)
    pairs = {tuple(sorted((one, other))): word for one, other, word in words if one != other}
    told = [(parties[one][0], parties[other][0], word, 1) for (one, other), word in pairs.items()]
    second = resolve(*parties, known=known_from(first, *told))
    group = dict(second.entity_name.select("party_name", "entity_id").iter_rows())
    for one, other in combinations(range(6), 2):
        if pairs.get((one, other)) == "different":
            assert group[parties[one][0]] != group[parties[other][0]]
    if "different" not in pairs.values():
        assert len(set(group.values())) == 1


def test_a_company_that_is_misspelt_in_many_ways_stays_one() -> None:
    """Slips in the first letters do not make its number a broker's, its address a crowd's, or its rare slips in the number namesakes."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    wrong = [(f"Qar{letter}onaveli", "MEX", "QAR010203AB1", STREET) for letter in letters] + [
        (f"{letter}Qaronaveli", "MEX", "QAR010203AB1", STREET) for letter in letters
    ]
    right = [("Qaronaveli", "MEX", "QAR010203AB1", f"{STREET} {floor}") for floor in range(60)]
    odd = [("Qaronaveli", "MEX", "QAR010203AB8", None), ("Qaronaveli S.A.", "MEX", None, None)]
    assert sorted(resolve(*wrong, *right, *odd).entity["name_count"]) in ([1, 113], [2, 112])
