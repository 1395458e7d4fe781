"""The step that ranks leads on companies, in a run over declarations with licences beside them."""

import polars as pl
import pytest
import sqlalchemy as sa

from tests.control_tables import LICENCE, write_rows
from tradeflow.contract import load_contract
from tradeflow.lake import Lake, read_table, serving_url
from tradeflow.pipeline import RunResult, run_pipeline
from tradeflow.serving_database import TABLES, open_database
from tradeflow.settings import Settings, load_settings, read_only_input
from tradeflow.steps.company_signals import COMPANY_LEADS

IMPORTERS = ["Qarona Quimica SA", "Qelutra Pinturas SA", "Qesmir Resinas SA", "Qolandu Adhesivos SA"]
MONTHS = [f"{year}-{month:02d}" for year in (2022, 2023, 2024) for month in range(1, 13)]
STRANGER, BAKER = "Qupita Calzado SA", "Qanaderia Luqa SA"


def declared(number: int, day: str, importer: str, kg: float, **other: object) -> dict[str, object]:
    return {
        "reporter_code": 484, "flow_code": "M", "declaration_id": f"D{number:05d}", "declaration_date": day,
        "importer_id": f"TX{importer[:6]}", "importer_name": importer, "exporter_name": "Hartung Qindqvist GmbH",
        "declarant_name": "Qorvena Agencia", "origin_code": "DEU",
        "consignment_code": "DEU", "national_code": "29152400", "description": "anhidrido acetico", "net_weight_kg": kg,
        "cif_value_usd": kg * 1.5,
    } | other  # fmt: skip


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    given = tmp_path_factory.mktemp("given")
    usual = [
        declared(10 * at + who, f"{month}-{3 + 5 * who:02d}", name, 900 + 25 * who)
        for at, month in enumerate(MONTHS)
        for who, name in enumerate(IMPORTERS)
    ]
    odd = declared(90_001, "2024-07-09", STRANGER, 6000.0, national_code="39231000")
    other = declared(90_002, "2024-07-10", BAKER, 50.0, national_code="19059000", description="pan")
    write_rows(given / "declarations.csv", [*usual, odd, other])
    of_mexico = {"operator_country": "MEX", "valid_from": "2021-01-01", "valid_to": "", "annual_limit_kg": "", "tax_number": ""}
    held = [LICENCE | of_mexico | {"operator_name": name, "licence_number": f"L-{place}"} for place, name in enumerate(IMPORTERS)]
    write_rows(given / "licences.csv", held)
    return read_only_input(load_settings(None), given)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return Lake(tmp_path_factory.mktemp("lake"))


@pytest.fixture(scope="module")
def run(settings: Settings, lake: Lake) -> RunResult:
    return run_pipeline(settings, lake)


def test_a_run_over_declarations_ranks_companies(run: RunResult, lake: Lake) -> None:
    tables = {name: read_table(lake, name).collect() for name in COMPANY_LEADS}
    assert {name: table.schema for name, table in tables.items()} == {name: load_contract(name).schema for name in COMPANY_LEADS}
    heads = tables["company_signal"].filter(pl.col("entity_name") == STRANGER)
    assert set(heads["rule"]) >= {"misdeclared_goods", "unlicensed_importer"}
    assert heads["lead_rank"].unique().to_list() == [1]
    assert (run.release_folder / "company_signal.csv").is_file()


def test_its_evidence_leads_to_the_declaration(run: RunResult, lake: Lake) -> None:  # noqa: ARG001 (the run comes first)
    signals, evidence = (read_table(lake, name).collect() for name in ("company_signal", "company_signal_evidence"))
    first = signals.filter((pl.col("lead_rank") == 1) & pl.col("is_lead_head"))
    assert set(evidence.join(first, on="signal_id", how="semi")["declaration_id"]) == {"D90001"}


def test_inspections_are_proposed_of_leads_and_by_lot(run: RunResult, lake: Lake) -> None:  # noqa: ARG001
    proposed = read_table(lake, "proposed_inspection").collect()
    ranked = proposed.filter(pl.col("inspection_ground") == "ranked")
    assert ranked.filter(pl.col("best_lead_rank") == 1)["declaration_id"].to_list() == ["D90001"]
    assert ranked["best_lead_rank"].null_count() == 0


def test_a_release_knows_the_companies_of_watched_goods_and_of_records(run: RunResult, lake: Lake) -> None:
    known = set(read_table(lake, "entity").collect()["entity_name"])
    told = set(pl.read_parquet(run.release_folder / "entity.parquet")["entity_name"])
    assert known - told == {BAKER}


def test_a_second_run_changes_nothing(run: RunResult, settings: Settings, lake: Lake) -> None:
    again = run_pipeline(settings, lake)
    assert (again.release_id, again.is_new_release) == (run.release_id, False)


def test_a_release_can_leave_companies_out(run: RunResult, settings: Settings, lake: Lake) -> None:
    shared = run_pipeline(settings.model_copy(update={"publish": settings.publish.model_copy(update={"companies": False})}), lake)
    assert shared.release_id != run.release_id
    written = {path.name for path in shared.release_folder.iterdir()}
    assert not {name for name in written if "company" in name or "entity" in name or "declaration" in name or "inspection" in name}
    assert STRANGER not in (shared.release_folder / "report.html").read_text(encoding="utf-8")
    with open_database(serving_url(lake)).connect() as connection:
        about = [name for name in TABLES if name.startswith(("company", "entity", "broker")) or name == "signal_declaration"]
        assert {name: connection.scalar(sa.select(sa.func.count()).select_from(TABLES[name])) for name in about} == dict.fromkeys(about, 0)
