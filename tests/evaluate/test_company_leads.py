"""What counts as telling a planted case of the declarations: the declarations that a lead rests on, and the company that it is about."""

from pathlib import Path

import polars as pl
import pytest

from tradeflow.contract import load_contract
from tradeflow.evaluate.company_leads import Judged, JudgedTablesStandError, judge_leads, run_before_release
from tradeflow.evaluate.company_leads_page import write_page

PLANTED = [
    ("c1", "out_of_profile", "D1;D2"),
    ("c2", "unnotified_export", "D3"),
    ("c3", "broker_bottleneck", "D4;D5"),
    ("c4", "split_consignment", "D6"),
]


def write_table(folder: Path, name: str, rows: list[dict[str, object]]) -> None:
    schema = load_contract(name).schema
    pl.DataFrame([dict.fromkeys(schema) | row for row in rows], schema).write_csv(folder / f"{name}.csv")


@pytest.fixture
def world(tmp_path: Path) -> Path:
    planted = [
        {"case_id": case, "expected_rule": rule, "case_strength": "weak", "declaration_ids": ids, "planted_text": "made up"}
        for case, rule, ids in PLANTED
    ]
    write_table(tmp_path, "planted_company_case", planted)
    write_table(tmp_path, "innocent_company_event", [{"event_id": "e1", "kind": "merger", "declaration_ids": "D7"}])
    write_table(tmp_path, "planted_case_declaration", [{"case_id": "case-01", "declaration_id": "D8"}])
    return tmp_path


def lead(rank: int, rule: str, entity: str, *, on: str | None = None, related: str | None = None) -> dict[str, object]:
    row = {"signal_id": f"s{rank}", "lead_rank": rank, "rule": rule, "entity_id": entity, "related_entity_id": related}
    return row | {"declaration_id": on, "is_lead_head": True, "is_flagged": False}


def judge(world: Path, leads: list[dict[str, object]], evidence: list[tuple[str, str, str]]) -> Judged:
    signal, proof = load_contract("company_signal").schema, load_contract("company_signal_evidence").schema
    signals = pl.DataFrame([dict.fromkeys(signal) | row for row in leads], signal)
    rests = [{"signal_id": signal_id, "evidence_role": role, "declaration_id": paper} for signal_id, role, paper in evidence]
    proofs = pl.DataFrame([dict.fromkeys(proof) | row for row in rests], proof)
    parties = {"importer_entity_id": "buyer", "exporter_entity_id": "seller", "broker_entity_id": "broker"}
    items = pl.DataFrame([{"declaration_id": f"D{number}", **parties} for number in range(1, 10)])
    return judge_leads(world, signals, proofs, items)


def ranks(judged: Judged) -> dict[str, int | None]:
    return dict(judged.cases.select("case_id", "lead_rank").iter_rows())


def test_a_lead_tells_a_case_by_its_declarations_and_by_whom_the_case_is_about(world: Path) -> None:
    leads = [
        lead(1, "unit_value_outlier", "seller", on="D1"),
        lead(2, "out_of_profile", "buyer"),
        lead(3, "unnotified_export", "seller", on="D3"),
        lead(4, "broker_bottleneck", "broker"),
    ]
    judged = judge(world, leads, [("s2", "observed", "D2"), ("s4", "observed", "D5"), ("s4", "observed", "D6")])
    assert ranks(judged) == {"c1": 2, "c2": 3, "c3": 4, "c4": None}
    assert judged.leads["tells_case"].to_list() == [False, True, True, True]


def test_what_is_only_compared_tells_nothing_and_a_related_company_does(world: Path) -> None:
    judged = judge(world, [lead(1, "out_of_profile", "buyer"), lead(2, "x", "other", on="D6", related="buyer")], [("s1", "compared", "D1")])
    assert ranks(judged) == {"c1": None, "c2": None, "c3": None, "c4": 2}


def test_another_rule_may_find_a_case_and_its_own_is_told_apart(world: Path) -> None:
    judged = judge(world, [lead(1, "isolated_declaration", "buyer", on="D1"), lead(2, "x;out_of_profile", "buyer", on="D1")], [])
    assert judged.cases.row(0, named=True)["lead_rank"] == 1
    assert judged.cases.row(0, named=True)["own_rule_rank"] == 2


def test_a_false_lead_may_be_a_written_down_innocent_or_a_planted_diversion(world: Path) -> None:
    leads = [lead(1, "x", "seller", on="D7"), lead(2, "x", "buyer", on="D8"), lead(3, "x", "buyer", on="D9")]
    told = judge(world, leads, []).leads
    assert told["tells_case"].any() is False
    assert told["kind"].to_list() == ["merger", None, None]
    assert told["tells_diversion"].to_list() == [False, True, False]


def test_the_page_counts_recall_and_false_leads(world: Path, tmp_path: Path) -> None:
    judged = judge(world, [lead(1, "out_of_profile", "buyer", on="D1"), lead(2, "x", "seller", on="D7")], [])
    lines = write_page(tmp_path / "page.md", judged.cases, judged.leads, [7], 10_000, 1.0)
    assert "Written by `tradeflow evaluate company-leads --seeds 1 --first-seed 7`; run it anew instead of editing this page." in lines
    assert (tmp_path / "page.md").read_text() == "\n".join(lines).rstrip() + "\n"
    assert "| out_of_profile | 1 | 1.000 | 1.000 | 1.000 | 1.000 | 1.000 |" in lines
    assert any(line.startswith("In a world 1.0 of the top 100 leads are false: 0.0 are about a planted") for line in lines)
    assert "| merger | 1.000 |" in lines


def test_a_judged_run_does_every_step_but_the_release() -> None:
    assert run_before_release("signals", len, "abc") == 3
    with pytest.raises(JudgedTablesStandError):
        run_before_release("publish", len, "abc")
