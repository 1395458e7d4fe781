"""The written world: its layout, its repeatability, its arithmetic, and the traces of its planted cases."""

import gzip
import hashlib
import json
from collections import defaultdict
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from tradeflow.sample import WorldSummary, write_world
from tradeflow.sample.answers import FIELDS

SIZE = 10_000
WORLD = 0


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> WorldSummary:
    return write_world(tmp_path_factory.mktemp("sample") / "world", size=SIZE)


@pytest.fixture(scope="module")
def rows(world: WorldSummary) -> pl.DataFrame:
    """Every row of every answer, with the day on which it was retrieved."""
    return read_rows(world.folder)


@pytest.fixture(scope="module")
def latest(rows: pl.DataFrame) -> pl.DataFrame:
    """The newest version of each reporter's month."""
    newest = rows.group_by("reporterCode", "period").agg(pl.col("day").max())
    return rows.join(newest, on=["reporterCode", "period", "day"], how="semi")


@pytest.fixture(scope="module")
def cases(world: WorldSummary) -> pl.DataFrame:
    return pl.read_csv(world.folder / "planted_case.csv")


def read_rows(folder: Path) -> pl.DataFrame:
    found = []
    for path in sorted(folder.glob("answers/*/*.json.gz")):
        for row in json.loads(gzip.decompress(path.read_bytes()))["data"]:
            found.append({**row, "day": path.parent.name, "file": path.name})
    return pl.DataFrame(found, infer_schema_length=None)


def digest(folder: Path) -> dict[str, str]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_the_same_arguments_give_the_same_bytes_also_over_the_world_of_another_seed(tmp_path: Path, world: WorldSummary) -> None:
    (tmp_path / "world").mkdir()
    first = digest(write_world(tmp_path / "world", size=SIZE, seed=2).folder)
    second = digest(write_world(tmp_path / "world", size=SIZE).folder)
    assert second == digest(world.folder) != first


def test_every_row_has_the_services_47_fields_in_order_and_type(world: WorldSummary) -> None:
    assert len(FIELDS) == 47
    kinds: dict[str, set[type]] = defaultdict(set)
    for path in world.folder.glob("answers/*/*.json.gz"):
        answer = json.loads(gzip.decompress(path.read_bytes()))
        assert list(answer) == ["elapsedTime", "count", "data", "error"]
        assert answer["count"] == len(answer["data"])
        for row in answer["data"]:
            assert tuple(row) == FIELDS
            for name, value in row.items():
                kinds[name].add(type(value))
    empty = type(None)
    for name in ("period", "cmdCode", "customsCode", "mosCode", "flowCode", "classificationCode"):
        assert kinds[name] == {str}
    for name in ("reporterCode", "partnerCode", "partner2Code", "motCode", "refMonth", "refPeriodId", "qtyUnitCode"):
        assert kinds[name] == {int}
    for name in ("netWgt", "cifvalue", "fobvalue", "qty"):
        assert kinds[name] <= {float, empty}
    assert kinds["primaryValue"] == {float}
    assert kinds["isReported"] == kinds["isAggregate"] == {bool}


def test_reference_fields_follow_the_period(rows: pl.DataFrame) -> None:
    assert (rows["refPeriodId"].cast(pl.String) == rows["period"] + "01").all()
    assert (rows["refYear"].cast(pl.String) + rows["refMonth"].cast(pl.String).str.zfill(2) == rows["period"]).all()


def test_a_row_is_known_by_its_key_within_one_pull(rows: pl.DataFrame) -> None:
    key = ["day", "period", "reporterCode", "flowCode", "partnerCode", "cmdCode", "classificationCode"]
    assert rows.select(key).is_duplicated().sum() == 0


def test_the_world_row_is_the_sum_of_its_partners(rows: pl.DataFrame) -> None:
    key = ["day", "period", "reporterCode", "flowCode", "cmdCode"]
    partners = rows.filter(pl.col("partnerCode") != WORLD)
    sums = partners.group_by(key).agg(pl.col("primaryValue").sum().alias("value"), pl.col("netWgt").sum().alias("kg"))
    both = rows.filter(pl.col("partnerCode") == WORLD).join(sums, on=key, how="full", coalesce=True)
    assert both["value"].is_not_null().all()
    assert both["primaryValue"].is_not_null().all()
    assert ((both["primaryValue"] - both["value"]).abs() < 0.01).all()
    assert ((both["netWgt"].fill_null(0) - both["kg"]).abs() < 0.01).all()


def test_no_partner_row_lies_under_the_threshold_or_below_zero(rows: pl.DataFrame) -> None:
    assert rows["primaryValue"].min() >= 1_000  # type: ignore[operator]
    assert rows["netWgt"].drop_nulls().min() >= 0  # type: ignore[operator]


def test_importers_on_a_fob_basis_give_no_cif_and_the_others_do(rows: pl.DataFrame) -> None:
    imports = rows.filter(pl.col("flowCode") == "M")
    on_fob = imports["reporterCode"].is_in([124, 484, 76, 710])
    assert imports.filter(on_fob)["cifvalue"].fill_null(0).max() == 0
    assert imports.filter(~on_fob)["cifvalue"].fill_null(0).min() > 0  # type: ignore[operator]
    both = imports.filter(pl.col("reporterCode") == 842)
    assert (both["cifvalue"] > both["fobvalue"]).all()


def test_codes_born_by_a_split_appear_only_in_their_editions(rows: pl.DataFrame) -> None:
    assert not rows.filter((pl.col("cmdCode") == "292640") & (pl.col("classificationCode") == "H4")).height
    newest = rows.filter(pl.col("cmdCode").is_in(["293336", "293337"]))
    assert newest.height
    assert newest["classificationCode"].unique().to_list() == ["H6"]
    assert set(rows["classificationCode"].unique()) == {"H4", "H5", "H6"}


def test_every_answer_has_a_manifest_whose_scope_holds_its_rows(world: WorldSummary, rows: pl.DataFrame) -> None:
    for path in world.folder.glob("answers/*/*.json.gz"):
        manifest = json.loads(path.with_name(path.name + ".manifest.json").read_text())
        mine = rows.filter((pl.col("file") == path.name) & (pl.col("day") == path.parent.name))
        scope = manifest["scope"]
        assert manifest["retrieved_at"].startswith(path.parent.name)
        assert set(mine["reporterCode"]) <= set(scope["reporter_code"])
        assert set(mine["period"].cast(pl.Int64)) <= set(scope["period"])
        assert set(mine["cmdCode"]) <= set(scope["commodity_code"])
        assert len(scope["period"]) <= 12
        assert manifest["query"]["period"] == ",".join(map(str, scope["period"]))


def test_pulls_hold_what_the_availability_answers_say(world: WorldSummary, rows: pl.DataFrame) -> None:
    days = sorted(path.stem for path in world.folder.glob("availability/*.json"))
    assert len(days) == 13
    last = json.loads((world.folder / "availability" / f"{days[-1]}.json").read_text())["data"]
    counted = {
        (reporter, int(period)): count
        for reporter, period, count in rows.group_by("reporterCode", "period", "day")
        .len()
        .sort("day")
        .group_by("reporterCode", "period", maintain_order=True)
        .last()
        .select("reporterCode", "period", "len")
        .iter_rows()
    }
    said = {(one["reporterCode"], one["period"]): one["totalRecords"] for one in last if one["totalRecords"]}
    assert counted == said
    assert any(one["lastReleased"] > one["firstReleased"] for one in last)


def test_late_reporters_a_silent_one_and_a_restated_pair_of_years(world: WorldSummary) -> None:
    path = max(world.folder.glob("availability/*.json"))
    entries = json.loads(path.read_text())["data"]
    newest: dict[int, int] = defaultdict(int)
    months: dict[int, int] = defaultdict(int)
    restated: dict[tuple[int, str], int] = defaultdict(int)
    for entry in entries:
        newest[entry["reporterCode"]] = max(newest[entry["reporterCode"]], entry["period"])
        months[entry["reporterCode"]] += 1
        if entry["lastReleased"] != entry["firstReleased"]:
            restated[entry["reporterCode"], entry["lastReleased"]] += 1
    assert len(newest) == world.reporters == 30
    assert max(newest.values()) == 202412
    assert 8 <= sum(period < 202412 for period in newest.values()) <= 28
    assert min(months.values()) <= 63
    assert max(restated.values()) >= 15


def test_a_revision_changes_figures(rows: pl.DataFrame) -> None:
    key = ["reporterCode", "period", "flowCode", "partnerCode", "cmdCode"]
    versions = rows.group_by(key).agg(pl.col("primaryValue").n_unique().alias("values"), pl.len())
    again = versions.filter(pl.col("len") > 1)
    assert again.height
    assert (again["values"] > 1).any()


@pytest.mark.parametrize(("size", "seed"), [(60_000, 1)])
def test_the_size_is_near_what_was_asked(tmp_path: Path, size: int, seed: int) -> None:
    summary = write_world(tmp_path / "world", size=size, seed=seed)
    assert 0.75 * size < summary.rows < 1.25 * size
    assert summary.periods == 72
    assert summary.planted_cases >= 30


def test_the_summary_counts_what_is_in_the_folder(world: WorldSummary, rows: pl.DataFrame, cases: pl.DataFrame) -> None:
    assert 0.75 * SIZE < world.rows < 1.25 * SIZE
    assert world.rows == rows.height
    assert world.files == len(list(world.folder.glob("answers/*/*.json.gz")))
    assert world.planted_cases == cases.height
    assert "SIMULATED" in (world.folder / "README.txt").read_text()


def test_today_moves_the_window(tmp_path: Path) -> None:
    write_world(tmp_path / "world", size=10_000, today=date(2026, 8, 20))
    periods = read_rows(tmp_path / "world")["period"]
    assert (periods.min(), periods.max()) == ("202007", "202606")


def test_a_foreign_folder_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("mine")
    with pytest.raises(ValueError, match="not a simulated world"):
        write_world(tmp_path, size=SIZE)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


@pytest.mark.parametrize("size", [0, 9_999, 100_000_001])
def test_a_size_out_of_range_is_refused(tmp_path: Path, size: int) -> None:
    with pytest.raises(ValueError, match="size is"):
        write_world(tmp_path / "world", size=size)


def test_there_are_three_cases_of_each_typology_in_the_last_year(cases: pl.DataFrame) -> None:
    counts = dict(cases.group_by("typology").len().iter_rows())
    assert set(counts) == {
        "excess_import", "mirror_gap", "missing_mirror", "new_route", "hub_detour", "unit_value_outlier",
        "substitution", "displacement", "isolated_flow", "misdeclared",
    }  # fmt: skip
    assert min(counts.values()) >= 3
    assert cases["first_period"].min() >= 202401  # type: ignore[operator]
    assert cases["last_period"].max() <= 202412  # type: ignore[operator]
    assert (cases["importer_code"] != cases["exporter_code"]).all()
    assert (cases["excess_kg"] > 0).all()


def _weight_in_case(latest: pl.DataFrame, case: dict[str, object], flow: str) -> float:
    reporter, partner = ("importer_code", "exporter_code") if flow == "M" else ("exporter_code", "importer_code")
    found = latest.filter(
        (pl.col("flowCode") == flow)
        & (pl.col("reporterCode") == case[reporter])
        & (pl.col("partnerCode") == case[partner])
        & (pl.col("cmdCode") == str(case["commodity_code"]))
        & pl.col("period").cast(pl.Int64).is_between(case["first_period"], case["last_period"])
    )
    return float(found["netWgt"].fill_null(0).sum())


def test_mirror_cases_show_more_leaving_than_arriving(latest: pl.DataFrame, cases: pl.DataFrame) -> None:
    chosen = cases.filter(pl.col("typology").is_in(["mirror_gap", "missing_mirror"]))
    shares = [_weight_in_case(latest, case, "M") / max(_weight_in_case(latest, case, "X"), 1.0) for case in chosen.iter_rows(named=True)]
    assert sum(share < 0.75 for share in shares) >= len(shares) - 2


def test_other_cases_are_in_the_importers_figures(latest: pl.DataFrame, cases: pl.DataFrame) -> None:
    chosen = cases.filter(pl.col("typology").is_in(["excess_import", "new_route", "unit_value_outlier", "misdeclared"]))
    seen = [_weight_in_case(latest, case, "M") > 0.3 * float(case["excess_kg"]) for case in chosen.iter_rows(named=True)]
    # Not all: an office may take the hub for the origin, lose a document, or hide a partner.
    assert sum(seen) >= 0.6 * len(seen)


def test_the_one_off_of_forty_tonnes_is_there(cases: pl.DataFrame) -> None:
    tartaric = cases.filter((pl.col("commodity_code") == 291812) & (pl.col("typology") == "excess_import"))
    assert tartaric["excess_kg"].to_list() == [40_000.0]


def test_each_kind_of_moved_trade_has_an_innocent_look_alike(world: WorldSummary, cases: pl.DataFrame) -> None:
    events = pl.read_csv(world.folder / "innocent_event.csv")
    assert {"hub_distributor", "plant_moves", "reformulation"} <= set(events["kind"])
    moved = cases.filter(pl.col("typology").is_in(["hub_detour", "displacement", "substitution"]))
    assert (moved["typology"] == moved["expected_rule"]).all()
    assert moved.height == 10
