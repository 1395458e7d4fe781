"""All that companies declared, in few rows: the same as counting by hand, whatever spelling a company goes by."""

from collections import defaultdict
from datetime import date

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from tradeflow.contract import load_codelist, load_contract
from tradeflow.model.company_profile import profile_companies
from tradeflow.resolve.activity import count_activity

SPELLINGS = {"Qarona SA": "E1", "QARONA": "E1", "Belqisu": "E2"}
CODES = ["291411", "230910", "291412", None]
declared = st.lists(
    st.tuples(st.integers(0, 5), st.sampled_from([*SPELLINGS, None]), st.integers(1, 3), st.sampled_from(CODES)),
    min_size=1, max_size=30,
)  # fmt: skip


def name() -> pl.DataFrame:
    rows = [
        {
            "party_id": f"P{at}",
            "entity_id": entity,
            "entity_name": entity,
            "party_name": spelling,
            "party_country": "MEX",
            "mention_count": 1,
        }
        for at, (spelling, entity) in enumerate(SPELLINGS.items())
    ]
    return pl.DataFrame(rows, schema=load_contract("entity_name").schema)


@settings(deadline=None, max_examples=30)
@given(declared)
def test_counts_and_profiles_are_the_obvious_ones(rows: list[tuple[int, str | None, int, str | None]]) -> None:
    declarations = pl.DataFrame(
        [
            {"source": "files", "snapshot_id": "0" * 16, "row_number": at, "reporter_code": 484, "flow_code": "M", "item_number": at,
             "declaration_id": f"D{number}", "declaration_date": date(2024, month, 1), "importer_name": importer, "hs6_code": code}
            for at, (number, importer, month, code) in enumerate(rows, 1)
        ],
        schema=load_contract("customs_declaration").schema,
    )  # fmt: skip
    by_chapter, in_all = count_activity(declarations.lazy(), name(), load_codelist("area"))
    slow: dict[tuple[str, int, str | None], int] = defaultdict(int)
    numbers: dict[tuple[str, int], set[int]] = defaultdict(set)
    for number, importer, month, code in rows:
        if importer is not None:
            slow[SPELLINGS[importer], 202400 + month, code and code[:2]] += 1
            numbers[SPELLINGS[importer], 202400 + month].add(number)

    assert {row[:3]: row[3] for row in by_chapter.select("entity_id", "period", "commodity_chapter", "item_count").rows()} == slow
    counted = in_all.select("entity_id", "period", "declaration_count").rows()
    assert {row[:2]: row[2] for row in counted} == {key: len(each) for key, each in numbers.items()}
    profiles = profile_companies(load_contract("company_item").empty_frame(), by_chapter, in_all)
    assert profiles.schema == load_contract("company_profile").schema
    for row in profiles.rows(named=True):
        own = [chapter for (entity, _, chapter), count in slow.items() for _ in range(count) if entity == row["entity_id"]]
        told = [chapter for chapter in own if chapter is not None]
        assert row["item_count"] == len(own)
        assert row["chapter_count"] == len(set(told))
        assert row["main_chapter_share"] == (max(map(told.count, told)) / len(own) if told else None)
