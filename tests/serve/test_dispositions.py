"""What people decide goes into the next run, stays in the case store, and counts from its own day on."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
import sqlalchemy as sa

from tests.model.decided_leads import START, decided_leads
from tests.serve.conftest import Served, Visitor, publish
from tests.serve.with_companies import made_with_companies, state_purpose
from tests.small_world import FinishedRun, run_command
from tradeflow.contract import load_contract
from tradeflow.exceptions import LakeError
from tradeflow.lake import RELEASE_FOLDER, Lake, read_table, table_version
from tradeflow.serve.database import CASE_STORE_FILE
from tradeflow.serve.dispositions import read_dispositions
from tradeflow.serve.store import Account, Disposition
from tradeflow.serving_database import TABLES
from tradeflow.settings import Settings
from tradeflow.steps.decisions import take_decisions
from tradeflow.steps.handles import read_handed
from tradeflow.steps.ingest import conform_snapshots
from tradeflow.steps.known import know_figures


def first_signals(served: Served, count: int) -> list[str]:
    signal = TABLES["signal"].c
    ranked = sa.select(signal.signal_id).where(signal.is_lead_head).order_by(signal.lead_rank)
    with served.app.state.house.stores.reading.connect() as connection:
        return list(connection.scalars(ranked.limit(count)))


def decide(visitor: Visitor, signal_id: str, decision: str, **more: object) -> None:
    answer = visitor.post(f"/signals/{signal_id}/decisions", decision=decision, reason="looked at", **more)
    assert answer.status_code == 303, answer.text


def keep(served: Served, decisions: pl.DataFrame) -> None:
    """Write decisions of other days into the case store."""
    renamed = {"lead_decision": "decision", "dismissal_code": "reason_code", "decided_release_id": "release_id"}
    with served.writing() as store, store.begin():
        account = store.scalars(sa.select(Account.account_id)).first()
        rows = decisions.rename(renamed).to_dicts()
        store.execute(sa.insert(Disposition), [row | {"reason": "", "passed_to": None, "account_id": account} for row in rows])


# --- reading -------------------------------------------------------------------------------------------------------------------


def test_of_each_signal_the_newest_decision_is_read(served: Served) -> None:
    analyst, (one, other) = served.signed_in("analyst"), first_signals(served, 2)
    decide(analyst, one, "confirmed")
    decide(analyst, other, "dismissed", reason_code="unit_slip")
    decide(analyst, one, "reopened")
    read = read_dispositions(served.lake, None)
    assert read.schema == load_contract("lead_decision").schema
    assert read.select("signal_id", "lead_decision", "dismissal_code", "signal_kind").rows() == [
        (other, "dismissed", "unit_slip", "country"),
        (one, "reopened", None, "country"),
    ]
    assert read["lead_score"].null_count() == 0
    assert not {"reason", "account_id", "passed_to"} & set(read.columns), "who decided, and in what words, stays in the case store"


def test_a_decision_counts_from_its_own_time_on(served: Served) -> None:
    served.signed_in("analyst")
    taken = decided_leads(3).with_columns(
        signal_id=pl.lit("0" * 16), decided_at=pl.Series([START + timedelta(days=day) for day in (0, 2, 4)]),
        lead_decision=pl.Series(["confirmed", "dismissed", "reopened"]),
    )  # fmt: skip
    keep(served, taken)
    said = {day: read_dispositions(served.lake, START + timedelta(days=day))["lead_decision"].to_list() for day in (-1, 0, 1, 2, 3, 4)}
    assert said == {-1: [], 0: ["confirmed"], 1: ["confirmed"], 2: ["dismissed"], 3: ["dismissed"], 4: ["reopened"]}


def test_without_a_case_store_there_are_no_decisions(lake: Lake) -> None:
    assert read_dispositions(lake, None).is_empty()
    assert not (lake.root / RELEASE_FOLDER / CASE_STORE_FILE).exists()


def test_a_case_store_that_cannot_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRADEFLOW_DATABASE", raising=False)
    (tmp_path / RELEASE_FOLDER).mkdir()
    (tmp_path / RELEASE_FOLDER / CASE_STORE_FILE).write_bytes(b"not a database" * 100)
    with pytest.raises(LakeError, match="cannot be read"):
        read_dispositions(Lake(tmp_path), None)


def test_a_lead_on_a_company_tells_what_was_decided_earlier_on_it(lake: Lake, open_app: Callable[..., Served]) -> None:
    publish(lake, made_with_companies())
    served = open_app(lake)
    investigator = state_purpose(served.signed_in("investigator"))
    with served.app.state.house.stores.reading.connect() as connection:
        signal = connection.execute(sa.select(TABLES["company_signal"]).limit(1)).one()
    assert "Earlier decisions on this company" not in investigator.get(f"/company-signals/{signal.signal_id}").text
    earlier = decided_leads(3).with_columns(
        signal_id=pl.Series(["a" * 16, "a" * 16, "b" * 16]), signal_kind=pl.lit("company"), rule=pl.lit(signal.rule),
        entity_id=pl.Series([signal.entity_id, signal.entity_id, "of another"]),
        lead_decision=pl.Series(["confirmed", "reopened", "confirmed"]), dismissal_code=pl.lit(None, pl.String),
    )  # fmt: skip
    keep(served, earlier)
    told = investigator.get(f"/api/v1/company-signals/{signal.signal_id}").json()["earlier"]
    assert [(each["signal_id"], each["decision"], each["is_served"]) for each in told] == [("a" * 16, "reopened", False)]
    text = investigator.get(f"/company-signals/{signal.signal_id}").text
    assert text.count("a" * 16) == 1
    assert "b" * 16 not in text


# --- runs ----------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def world(lake: Lake, finished: FinishedRun, answers: Path) -> Lake:
    """A lake with a finished run, served from either database."""
    shutil.copytree(finished.lake.root, lake.root)
    assert run_command(answers, lake.root).exit_code == 0
    return lake


def card_of(lake: Lake) -> dict[str, object]:
    rows = read_table(lake, "decision_model_card").collect().filter(pl.col("model_name").str.contains("countries"))
    return {row["card_item"]: row["card_figure"] if row["card_text"] is None else row["card_text"] for row in rows.to_dicts()}


def test_a_decision_in_the_application_reaches_the_next_run_and_outlives_it(
    world: Lake, answers: Path, open_app: Callable[..., Served]
) -> None:
    served = open_app(world)
    analyst, (signal_id, other) = served.signed_in("analyst"), first_signals(served, 2)
    decide(analyst, signal_id, "confirmed")
    decide(analyst, other, "dismissed", reason_code="timing")
    before = read_table(world, "signal").collect()

    assert run_command(answers, world.root).exit_code == 0

    assert "looked at" in analyst.get(f"/signals/{signal_id}").text
    assert read_dispositions(world, None).height == 2
    kept = read_table(world, "lead_decision").collect()
    assert dict(kept.select("signal_id", "lead_decision").iter_rows()) == {signal_id: "confirmed", other: "dismissed"}
    assert card_of(world)["of them confirmed"] == 1
    assert "nothing was learned" in str(card_of(world)["leads are ordered by their scores alone"])
    assert "decisions on leads about countries" in analyst.get("/run").text
    assert read_table(world, "signal").collect().equals(before), "two decisions change no order"
    version = table_version(world, "lead_decision")
    again = run_command(answers, world.root)
    assert "Nothing has changed since this release was made." in again.stdout
    assert table_version(world, "lead_decision") == version


def test_a_run_as_of_an_earlier_day_knows_no_later_decision(world: Lake, open_app: Callable[..., Served]) -> None:
    served, settings = open_app(world), Settings()
    decide(served.signed_in("analyst"), first_signals(served, 1)[0], "confirmed")
    conformed = conform_snapshots(world)
    for as_of, known_decisions in ((date(2025, 6, 1), 0), (None, 1), (date(2025, 6, 1), 0)):
        taken = take_decisions(settings, world, know_figures(settings, world, as_of, conformed))
        assert read_handed(world, taken, "lead_decision").collect().height == known_decisions


def test_many_decisions_order_the_table(world: Lake, answers: Path, open_app: Callable[..., Served], tmp_path: Path) -> None:
    served = open_app(world)
    analyst = served.signed_in("analyst")
    by_score = first_signals(served, 500)
    keep(served, decided_leads(600, seed=3))

    assert run_command(answers, world.root).exit_code == 0

    heads = read_table(world, "signal").collect().filter("is_lead_head").sort("lead_rank")
    assert heads["confirmed_probability"].null_count() == 0
    for is_flagged in (True, False):
        said = heads.filter((pl.col("signal_count") > 0) == is_flagged)["confirmed_probability"]
        assert said.equals(said.sort(descending=True))
    assert first_signals(served, 500) == heads["signal_id"].to_list() != by_score
    page = analyst.get("/signals").text
    assert page.index(heads["signal_id"][0]) < page.index(heads["signal_id"][1])
    assert str(card_of(world)["which order is used"]).startswith("leads are ordered by the learner")
    plain = tmp_path / "plain.toml"
    plain.write_text("[signals]\nrank_by_decisions = false\n")
    assert run_command(answers, world.root, "--config", str(plain)).exit_code == 0
    assert first_signals(served, 500) == by_score
