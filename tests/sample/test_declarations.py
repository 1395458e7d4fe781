"""The declarations of a written world: their contracts, their sums, their repeatability, and the traces of what was planted in them."""

import gzip
import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from tradeflow.contract import load_contract
from tradeflow.pull.answers import read_answer
from tradeflow.sample import WorldSummary, write_world
from tradeflow.validate.gate import hold_to_contract

SIZE, ITEMS = 60_000, 12_000
TABLES = {
    "licensed_operator": "source_licensed_operator",
    "pre_export_notification": "source_pre_export_notification",
    "precursor_incident": "source_precursor_incident",
    "planted_company_case": "planted_company_case",
    "innocent_company_event": "innocent_company_event",
    "planted_case_declaration": "planted_case_declaration",
    "simulated_company": "simulated_company",
}
RULES = {
    "misdeclared_goods", "unit_value_outlier", "unnotified_export", "split_consignment", "unlicensed_importer", "out_of_profile",
    "family_basket", "broker_bottleneck", "isolated_declaration",
}  # fmt: skip


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> WorldSummary:
    return write_world(tmp_path_factory.mktemp("declared") / "world", size=SIZE, declared_items=ITEMS)


@pytest.fixture(scope="module")
def items(world: WorldSummary) -> pl.DataFrame:
    """Every declared item."""
    schema = load_contract("source_customs_declaration").schema
    paths = sorted(world.folder.glob("declarations/*/*.csv"))
    return pl.concat(pl.read_csv(path, schema_overrides=schema) for path in paths)


@pytest.fixture(scope="module")
def cases(world: WorldSummary) -> pl.DataFrame:
    return read(world, "planted_company_case")


def read(world: WorldSummary, name: str) -> pl.DataFrame:
    declared = load_contract(TABLES[name]).schema
    path = world.folder / f"{name}.csv"
    return pl.read_csv(path, schema={column: declared[column] for column in pl.read_csv(path, n_rows=0).columns})


def items_of(case: dict[str, object], items: pl.DataFrame) -> pl.DataFrame:
    return items.filter(pl.col("declaration_id").is_in(str(case["declaration_ids"]).split(";")))


def of_rule(cases: pl.DataFrame, rule: str) -> Iterator[dict[str, object]]:
    found = cases.filter(pl.col("expected_rule") == rule)
    assert found.height, f"no case of {rule}"
    return found.iter_rows(named=True)


def digest(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*") if path.is_file()}


def test_the_same_arguments_give_the_same_bytes_and_declarations_change_no_answer(tmp_path: Path, world: WorldSummary) -> None:
    first = digest(world.folder)
    assert first == digest(write_world(tmp_path / "second", size=SIZE, declared_items=ITEMS).folder)
    bare = digest(write_world(tmp_path / "bare", size=SIZE).folder)
    answers = {name: told for name, told in first.items() if name.startswith(("answers/", "availability/")) or name == "planted_case.csv"}
    assert answers.items() <= bare.items()


def test_a_number_of_items_that_is_out_of_range_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="declared items are 9999; 0 or 10000 to 50000000"):
        write_world(tmp_path / "world", size=10_000, declared_items=9_999)


@pytest.mark.parametrize("name", TABLES)
def test_every_table_keeps_its_contract(world: WorldSummary, name: str) -> None:
    contract = load_contract(TABLES[name])
    answer = read_answer(world.folder / f"{name}.csv", contract)
    assert not answer.new_columns
    assert answer.problems == ()
    verdict = hold_to_contract(answer.frame, contract)
    assert verdict.broken.height == 0
    assert verdict.kept.height > 10


def test_declarations_keep_their_contract_and_their_number(world: WorldSummary, items: pl.DataFrame) -> None:
    contract = load_contract("source_customs_declaration")
    for path in sorted(world.folder.glob("declarations/*/*_202403.csv")):
        assert hold_to_contract(read_answer(path, contract).frame, contract).broken.height == 0
    assert items.height == world.declared.items  # type: ignore[union-attr]
    assert abs(items.height / ITEMS - 1) < 0.1
    assert items.select("declaration_id", "item_number").is_unique().all()
    heads = items.group_by("declaration_id").agg(pl.col("reporter_code", "declaration_date", "importer_name").n_unique())
    assert heads.select(pl.col("reporter_code", "declaration_date", "importer_name").max()).row(0) == (1, 1, 1)


def test_each_month_lies_in_its_file(world: WorldSummary) -> None:
    for path in world.folder.glob("declarations/*/*.csv"):
        days = pl.read_csv(path, try_parse_dates=True)["declaration_date"]
        assert days.dt.strftime("%Y%m").unique().to_list() == [path.stem.split("_")[1]]


def test_declared_weights_add_up_to_the_published_ones(world: WorldSummary, items: pl.DataFrame) -> None:
    declared = (
        items.filter(pl.col("flow_code").is_in(["M", "RM"]))
        .group_by("reporter_code", pl.col("declaration_date").dt.strftime("%Y%m").alias("period"), pl.col("hs6_code"))
        .agg(pl.col("net_weight_kg").sum())
    )
    both = published_imports(world).join(declared, on=["reporter_code", "period", "hs6_code"], how="left")
    ratio = (both["net_weight_kg"] / both["published_kg"]).fill_null(0)
    # Late documents are in a revision that is not out yet; partners under the threshold are not published.
    assert both.height > 300
    assert (ratio.is_between(0.999, 1.001)).mean() > 0.85  # type: ignore[operator]
    assert ratio.is_between(0.9, 1.5).mean() > 0.95  # type: ignore[operator]


def published_imports(world: WorldSummary) -> pl.DataFrame:
    """World rows of imports of the countries that open their declarations, newest answers, no estimate in them."""
    opened = {int(path.read_text().split("\n")[1].split(",")[0]) for path in world.folder.glob("declarations/*/*_202306.csv")}
    newest: dict[tuple[int, str, str], float] = {}
    for path in sorted(world.folder.glob("answers/*/*.json.gz")):
        for row in json.loads(gzip.decompress(path.read_bytes()))["data"]:
            is_wanted = row["reporterCode"] in opened and row["flowCode"] == "M" and row["partnerCode"] == 0 and row["refYear"] >= 2022
            if is_wanted:
                is_whole = row["netWgt"] and not row["isNetWgtEstimated"] and not row["legacyEstimationFlag"]
                newest[row["reporterCode"], row["period"], row["cmdCode"]] = row["netWgt"] if is_whole else 0.0
    rows = [(*key, kg) for key, kg in newest.items() if kg]
    schema = {"reporter_code": pl.Int32, "period": pl.String, "hs6_code": pl.String, "published_kg": pl.Float64}
    return pl.DataFrame(rows, schema, orient="row")


def test_every_rule_has_cases_of_several_strengths_with_declarations_and_companies(
    world: WorldSummary, cases: pl.DataFrame, items: pl.DataFrame
) -> None:
    assert set(cases["expected_rule"]) == RULES
    strengths = cases.group_by("expected_rule").agg(pl.col("case_strength").n_unique())["case_strength"]
    assert strengths.median() == 3  # in so small a world a broker or two find no market wide enough
    known = set(read(world, "simulated_company")["company_key"])
    for case in cases.iter_rows(named=True):
        assert set(case["company_keys"].split(";")) <= known
        mine = items_of(case, items)
        assert set(mine["declaration_id"]) == set(case["declaration_ids"].split(";"))
        months = mine["declaration_date"].dt.strftime("%Y%m").cast(pl.Int32)
        assert (months.min(), months.max()) == (case["first_period"], case["last_period"])
    ids = cases["declaration_ids"].str.split(";").explode()
    assert ids.is_unique().all()


def test_no_case_is_innocent(world: WorldSummary, cases: pl.DataFrame) -> None:
    events = read(world, "innocent_company_event").filter(pl.col("kind") != "large_broker")
    innocent = set(events["declaration_ids"].str.split(";").explode())
    assert not innocent & set(cases["declaration_ids"].str.split(";").explode())
    assert events["kind"].n_unique() >= 6


def test_a_split_consignment_is_several_declarations_of_one_importer_within_its_days(cases: pl.DataFrame, items: pl.DataFrame) -> None:
    for case in of_rule(cases, "split_consignment"):
        mine = items_of(case, items).filter(pl.col("item_number") < 3)
        parts = mine.group_by("declaration_id").agg(pl.col("net_weight_kg").sum())["net_weight_kg"]
        assert parts.len() >= 3
        assert parts.max() / parts.min() < 1.1  # type: ignore[operator]
        assert abs(parts.sum() / float(str(case["excess_kg"])) - 1) < 1e-3
        assert (mine["declaration_date"].max() - mine["declaration_date"].min()).days <= 25  # type: ignore[operator, union-attr]
        assert mine["importer_id"].drop_nulls().n_unique() == 1


def test_a_company_without_a_licence_has_none_and_everybody_else_who_imports_has_one(
    world: WorldSummary, cases: pl.DataFrame, items: pl.DataFrame
) -> None:
    licences = read(world, "licensed_operator")
    numbers = dict(read(world, "simulated_company").select("company_key", "company_number").iter_rows())
    never = [case for case in of_rule(cases, "unlicensed_importer") if "never" in str(case["planted_text"])]
    assert never
    for case in never:
        number = numbers[str(case["company_keys"]).split(";")[0]]
        assert number in set(items_of(case, items)["importer_id"])
        assert number not in set(licences["tax_number"])
    acetone = items.filter((pl.col("hs6_code") == "291411") & (pl.col("flow_code") == "M"))["importer_id"].drop_nulls().unique()
    planted = {numbers[str(keys).split(";")[0]] for keys in cases["company_keys"]}
    assert set(acetone) - planted <= set(licences["tax_number"])


def test_an_export_without_a_notification_is_in_none_and_most_others_are(
    world: WorldSummary, cases: pl.DataFrame, items: pl.DataFrame
) -> None:
    told = read(world, "pre_export_notification").filter(~pl.col("notification_number").str.ends_with("-R"))
    exports = items.filter((pl.col("flow_code") == "X") & (pl.col("item_number") == 1))
    silent = [case for case in of_rule(cases, "unnotified_export") if case["planted_text"] == "exported without a notification"]
    assert silent
    for case in silent:
        # Every spelling of a company keeps the words of its name, but for a slip.
        words = re.findall(r"\w*q[aeio]\w*", str(case["company_names"]).split(";")[0].lower())
        same = pl.col("exporter_name").str.to_lowercase().str.contains(words[0])
        goods = items_of(case, items).filter(pl.col("item_number") == 1)["hs6_code"].unique().to_list()
        sent = exports.filter(same & pl.col("hs6_code").is_in(goods))["declaration_id"].n_unique()
        notified = told.filter(same & (pl.col("substance_code") == case["substance_code"])).height
        assert notified <= sent - len(str(case["declaration_ids"]).split(";"))
    scheduled = {"291411": "acetone", "280700": "sulphuric_acid", "284161": "potassium_permanganate", "293332": "piperidine"}
    sent = exports.filter(pl.col("hs6_code").is_in(list(scheduled)))["declaration_id"].n_unique()
    opened = items["reporter_code"].unique().to_list()
    mine = told.filter(pl.col("exporting_area_code").is_in(opened) & pl.col("substance_code").is_in(list(scheduled.values())))
    # One notification may be for all consignments that a house sends to one buyer in a month.
    assert 0.6 < mine.height / sent < 1.05


def test_misdeclared_goods_have_the_words_of_other_goods(cases: pl.DataFrame, items: pl.DataFrame) -> None:
    names = pl.read_csv(Path("data_contracts/codelists/substance_name.csv"))
    substances = pl.read_csv(Path("data_contracts/codelists/substance.csv"), infer_schema=False)
    for case in of_rule(cases, "misdeclared_goods"):
        mine = items_of(case, items).filter(pl.col("item_number") == 1)
        row = substances.row(by_predicate=pl.col("substance_code") == case["substance_code"], named=True)
        assert row["commodity_code_hs2022"] not in set(mine["hs6_code"])
        wanted = [*names.filter(pl.col("substance_code") == case["substance_code"])["name"].str.to_lowercase(), row["cas_number"]]
        assert mine["description"].str.to_lowercase().str.contains_any(wanted).all()


def test_a_broker_bottleneck_passes_through_one_broker(cases: pl.DataFrame, items: pl.DataFrame) -> None:
    for case in of_rule(cases, "broker_bottleneck"):
        mine = items_of(case, items)
        assert mine["declarant_id"].drop_nulls().n_unique() == 1
        assert mine["importer_id"].drop_nulls().n_unique() >= 2


def test_a_family_basket_is_gathered_by_one_company(cases: pl.DataFrame, items: pl.DataFrame) -> None:
    for case in of_rule(cases, "family_basket"):
        mine = items_of(case, items)
        assert mine["importer_id"].drop_nulls().n_unique() == 1
        assert mine.filter(pl.col("item_number") == 1)["hs6_code"].n_unique() >= 2


def test_the_settings_name_the_sources_and_not_the_truth(world: WorldSummary) -> None:
    from tradeflow.settings import load_settings

    sources = {source.path.name for source in load_settings(world.folder / "run.toml").sources}  # type: ignore[union-attr]
    assert sources == {"answers", "declarations", "licensed_operator.csv", "pre_export_notification.csv", "precursor_incident.csv"}
