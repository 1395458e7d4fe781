"""Lists of leads in memory: each filter against the release's own rows, each order page by page, what people decided, what is new."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import polars as pl
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.release_world import Made
from tests.serve.conftest import Served, publish
from tradeflow.exceptions import QuestionError
from tradeflow.lake import Lake
from tradeflow.serve.database import open_stores
from tradeflow.serve.queries.lead_filter import LeadFilter, families
from tradeflow.serve.queries.lead_list import narrow, sort_leads
from tradeflow.serve.queries.paging import write_cursor
from tradeflow.serve.queries.signals import count_leads, iterate_heads, list_leads

FIELDS = {
    "rank": ("lead_rank", False),
    "period": ("period", True),
    "observed": ("observed_kg", True),
    "expected": ("expected_kg", True),
    "excess": ("excess_kg", True),
    "q": ("q_value", False),
}


@pytest.fixture(scope="module")
def lake_of_many(made: Made, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    lake = Lake(tmp_path_factory.mktemp("many"))
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("TRADEFLOW_DATABASE", raising=False)
        publish(lake, made)
    return lake


@pytest.fixture(scope="module")
def reading(lake_of_many: Lake) -> Iterator[sa.Connection]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("TRADEFLOW_DATABASE", raising=False)
        stores = open_stores(lake_of_many)
    with stores.reading.connect() as connection:
        yield connection
    stores.dispose()


def heads(made: Made) -> pl.DataFrame:
    return made[0].signal.filter("is_lead_head")


def ranks(connection: sa.Connection, **fields: object) -> set[int]:
    return set(narrow(connection, LeadFilter.model_validate(fields))["lead_rank"])


def test_each_filter_keeps_the_leads_that_the_release_says(reading: sa.Connection, made: Made) -> None:
    signal, head = made[0].signal, heads(made).sort("lead_rank").row(0, named=True)
    broke = signal.filter(pl.col("rule") == "mirror_gap")["lead_id"].implode()
    in_cocaine = pl.col("substance_code").is_in(families()["cocaine"])
    expected: list[tuple[dict[str, object], pl.Expr]] = [
        ({}, pl.lit(value=True)),
        ({"rule": "mirror_gap"}, pl.col("lead_id").is_in(broke)),
        ({"rule": "no such rule"}, pl.lit(value=False)),
        ({"substance": head["substance_code"]}, pl.col("substance_code") == head["substance_code"]),
        ({"substance": "none that is known"}, pl.lit(value=False)),
        ({"importer": head["importer_code"]}, pl.col("importer_code") == head["importer_code"]),
        ({"exporter": head["exporter_code"]}, pl.col("exporter_code") == head["exporter_code"]),
        ({"area": 484}, (pl.col("importer_code") == 484) | (pl.col("exporter_code") == 484)),
        ({"commodity": "29.14"}, pl.col("commodity_code").str.starts_with("2914")),
        ({"since": head["period"]}, pl.col("period") >= head["period"]),
        ({"until": head["period"]}, pl.col("period") <= head["period"]),
        ({"score": 50}, pl.col("lead_score") >= 50),
        ({"flagged": True}, pl.col("signal_count") > 0),
        ({"new": True}, pl.lit(value=False)),
        ({"rule": "mirror_gap", "importer": 484}, pl.col("lead_id").is_in(broke) & (pl.col("importer_code") == 484)),
    ]  # fmt: skip
    for fields, kept in expected:
        assert ranks(reading, **fields) == set(heads(made).filter(kept)["lead_rank"]), fields
    assert ranks(reading, family="cocaine") >= set(heads(made).filter(in_cocaine)["lead_rank"])


@pytest.mark.parametrize("sort", FIELDS)
def test_pages_in_each_order_hold_every_lead_once(reading: sa.Connection, made: Made, sort: str) -> None:
    name, is_falling = FIELDS[sort]
    seen, behind = list[int](), None
    while behind is not None or not seen:
        page = list_leads(reading, LeadFilter.model_validate({"sort": sort, "behind": behind}), limit=7)
        seen += [row.signal["lead_rank"] for row in page.rows]
        behind = page.following
        assert page.count == heads(made).height
    expected = heads(made).sort(name, "lead_rank", descending=[is_falling, False], nulls_last=True)["lead_rank"].to_list()
    assert seen == expected


def test_what_is_downloaded_is_what_is_listed(reading: sa.Connection, made: Made) -> None:
    frames = list(iterate_heads(reading, LeadFilter(sort="excess")))
    assert pl.concat(frames).equals(heads(made).sort("excess_kg", "lead_rank", descending=[True, False], nulls_last=True))
    assert [frame.shape for frame in iterate_heads(reading, LeadFilter(rule="none"))] == [(0, made[0].signal.width)]


@settings(deadline=None)
@given(
    figure=st.floats() | st.integers(),
    rank=st.integers() | st.text(max_size=3) | st.none(),
    sort=st.sampled_from(sorted(FIELDS)),
)
def test_a_cursor_of_any_content_is_a_place_or_refused(figure: float, rank: object, sort: str) -> None:
    leads = pl.DataFrame({name: pl.Series([1, None, 3], dtype=pl.Float64) for name, _ in FIELDS.values()})
    leads = leads.with_columns(pl.int_range(1, 4, dtype=pl.Int32).alias("lead_rank"))
    try:
        found, _ = sort_leads(leads, LeadFilter.model_construct(sort=sort, behind=write_cursor(figure, rank)))  # type: ignore[arg-type]
    except (QuestionError, OverflowError):
        return  # both are told as a question that cannot be read
    assert found.height <= 3


def test_where_people_left_a_lead_narrows_the_list(served: Served) -> None:
    analyst = served.signed_in("analyst")
    with served.app.state.house.stores.reading.connect() as connection:
        first = list_leads(connection, LeadFilter(), limit=1).rows[0].signal
        everything = count_leads(connection, LeadFilter())
    assert analyst.post(f"/signals/{first['signal_id']}/decisions", decision="confirmed", reason="seen").status_code == 303
    with served.app.state.house.stores.reading.connect() as connection:
        assert ranks(connection, status="confirmed") == {first["lead_rank"]}
        assert len(ranks(connection, status="open")) == everything - 1
        assert ranks(connection, status="dismissed") == ranks(connection, assigned="1") == set()


def test_new_is_what_no_earlier_release_told(lake: Lake, few: Made, made: Made, open_app: Callable[..., Served]) -> None:
    publish(lake, few)
    served = open_app(lake)
    publish(lake, made, "second")
    told = set(few[0].signal["signal_id"])
    with served.app.state.house.stores.reading.connect() as connection:
        new = list_leads(connection, LeadFilter(new=True), limit=500).rows
        every = list_leads(connection, LeadFilter(), limit=500).rows
    assert {row.signal["signal_id"] for row in new} == set(heads(made)["signal_id"]) - told
    assert {row.signal["signal_id"] for row in every if row.is_new} == {row.signal["signal_id"] for row in new}
