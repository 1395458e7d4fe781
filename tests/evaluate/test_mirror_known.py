"""Our pairs against a truth of a few rows, the demands and the page that is written of them."""

import math
import re
from pathlib import Path

import polars as pl
import pytest

from tradeflow.evaluate.mirror_known import judge_known_trade, pair_reports
from tradeflow.evaluate.mirror_page import write_page
from tradeflow.evaluate.mirror_predict import SIMPLE_METHODS
from tradeflow.evaluate.mirror_truth import make_known_trade
from tradeflow.evaluate.mirror_verdicts import judge_demands
from tradeflow.evaluate.mirror_world import World
from tradeflow.evaluate.page import table_lines


def report(flow_code: str, reporter: str, partner: str, value: float, kg: float | None) -> dict[str, object]:
    return {"flow_code": flow_code, "reporter": reporter, "partner": partner, "commodity": "1", "value_usd": value, "net_weight_kg": kg}


REPORTS = pl.DataFrame([
    report("X", "A", "B", 100.0, 10.0), report("M", "B", "A", 53.0, 5.0),
    report("X", "A", "C", 200.0, 20.0),
    report("M", "C", "B", 106.0, None),
    report("X", "D", "E", 100.0, 10.0), report("M", "E", "D", 106.0, 10.0),
])  # fmt: skip
TRUTH = pl.DataFrame(
    [("A", "B", "1", 100.0, 10.0, 0.06, True, 0.1, 0.1), ("A", "C", "1", 100.0, 20.0, 0.06, False, 0.1, 0.1),
     ("B", "C", "1", 100.0, 20.0, 0.06, False, 0.1, 0.1), ("D", "E", "1", 100.0, 10.0, 0.06, False, 0.1, 0.1)],
    schema=["exporter", "importer", "commodity", "true_fob_usd", "true_kg", "cif_rate", "is_cut", "exporter_sigma", "importer_sigma"],
    orient="row",
)  # fmt: skip


def settle(reports: pl.DataFrame) -> pl.DataFrame:
    """Pairs as the command would write them, by the exporter's figure and the plain gap over 0.3."""
    gap = (pl.col("import_value_usd") / pl.col("export_value_usd")).log()
    return pair_reports(reports).with_columns(
        pl.coalesce("export_value_usd", "import_value_usd").alias("balanced_value_usd"),
        pl.coalesce("export_net_weight_kg", "import_net_weight_kg").alias("balanced_kg"),
        pl.lit(0.04).alias("balanced_value_log_variance"), pl.lit(0.04).alias("balanced_kg_log_variance"),
        (gap / 0.3).alias("z_value"), (gap / 0.3).alias("z_kg"), (1 / (1 + gap**2)).alias("p_value"),
    )  # fmt: skip


def test_reports_are_paired_and_none_is_lost() -> None:
    paired = pair_reports(REPORTS)
    assert paired.select("exporter", "importer", "export_value_usd", "import_value_usd").rows() == [
        ("A", "B", 100.0, 53.0), ("A", "C", 200.0, None), ("B", "C", None, 106.0), ("D", "E", 100.0, 106.0)]  # fmt: skip


def test_errors_are_of_flows_that_were_not_cut() -> None:
    judged = judge_known_trade(REPORTS, TRUTH, settle(REPORTS))
    told = judged["estimate"].filter((pl.col("measure") == "value") & (pl.col("flows") == "one side"))
    rmse = dict(told.select("method", "rmse").iter_rows())
    assert rmse["tradeflow"] == pytest.approx(math.sqrt((math.log(2) ** 2 + math.log(1.06) ** 2) / 2))
    assert rmse["oracle"] == pytest.approx(math.log(2) / math.sqrt(2))
    assert judged["estimate"].filter(pl.col("flows") == "both sides")["count"].to_list() == [1] * 18
    assert judged["coverage"]["covered_0.99"].to_list() == [pytest.approx(2 / 3), 1.0]
    assert dict(judged["detection"].select("score", "average_precision").iter_rows())["discrepancy index (FAO rule)"] == 1


def test_a_row_that_is_lost_or_invented_is_told() -> None:
    ours = settle(REPORTS)
    lost = judge_known_trade(REPORTS, TRUTH, ours.head(2))["lost"]
    assert lost.rows() == [(4, 2, 0)]
    more = pl.concat([ours, ours.head(1).with_columns(pl.lit("Z").alias("exporter"))])
    assert judge_known_trade(REPORTS, TRUTH, more)["lost"].rows() == [(4, 0, 1)]


@pytest.fixture(scope="module")
def tables() -> dict[str, pl.DataFrame]:
    """Every table of the page, of a tiny world in two forms and of made-up predictions."""
    found: dict[str, list[pl.DataFrame]] = {}
    for form in ("plain", "all"):
        trade = make_known_trade(World(countries=12, codes=30, density=0.3, cut_share=0.05))
        cost = {"cost": pl.DataFrame({"rows_in": [1000], "pairs": [600], "cpu_seconds": [0.5], "peak_gb": [0.2]})}
        for name, table in (judge_known_trade(trade.reports, trade.truth, settle(trade.reports)) | cost).items():
            labels = [pl.lit("own").alias("source"), pl.lit(form).alias("form"), pl.lit(1).alias("seed")]
            found.setdefault(name, []).append(table.select(*labels, pl.all()))
    figures = {name: 0.6 for name in SIMPLE_METHODS} | {"tradeflow": 0.5, "covered_0.5": 0.5, "covered_0.8": 0.8, "covered_0.9": 0.95}
    row = {"set": "made", "split": "frozen", "hidden": "import", "measure": "kg", "rows": 9, **figures, "covered_0.99": 0.99}
    real = pl.DataFrame([row])
    single = {"order": pl.DataFrame({"rows": [3], "differing": [0]}), "real": real}
    single |= {"real_by_year": real.with_columns(year=2016), "real_by_size": real.with_columns(size_usd_or_kg=100.0)}
    stable = {"set": ["made"], "year": [2012], "measure": ["value"], "flow_code": ["X"], "reporters": [9], "rank_correlation": [0.8]}
    single |= {"stability": pl.DataFrame(stable)}
    return {name: pl.concat(parts) for name, parts in found.items()} | single


def test_a_demand_is_met_or_not(tables: dict[str, pl.DataFrame]) -> None:
    demands = judge_demands(tables)
    real = demands.filter(pl.col("of").str.starts_with("made"))
    assert real["measured"].to_list() == [pytest.approx(1 / 6), 0.95]
    assert real["is_met"].to_list() == [True, False]
    estimates = demands.filter(pl.col("demand").str.starts_with("RMSE"))
    assert estimates["of"].to_list() == ["own, kg", "own, kg", "own, value", "own, value"]
    # the exporter's figure alone is no better than the method that is the same, let alone than the oracle
    assert not estimates["is_met"].any()


def test_the_page_shows_every_figure_and_its_plots(tables: dict[str, pl.DataFrame], tmp_path: Path) -> None:
    page = tmp_path / "docs" / "evaluation.md"
    page.parent.mkdir()
    write_page(page, tables, is_quick=True, cpu_seconds=1234.5)
    text = page.read_text()
    assert "`tradeflow evaluate mirror --quick`" in text
    assert "1,234 CPU seconds" in text
    plots = re.findall(r"!\[[^]]+\]\(([^)]+)\)", text)
    assert len(plots) == 3
    assert all((page.parent / plot).read_text().startswith("<svg") for plot in plots)
    assert all(f"| {method} |" in text or f" {method} |" in text for method in SIMPLE_METHODS)
    assert not re.search(r"\bnan\b|\bNone\b", text)


def test_values_are_written_for_readers() -> None:
    table = pl.DataFrame({"a": [0.12345, 12345.678], "b": [True, False], "c": [None, "x"], "d": [12345, 1234]})
    assert table_lines(table) == [
        "| a | b | c | d |",
        "|---|---|---|---|",
        "| 0.123 | yes |  | 12,345 |",
        "| 12,346 | **no** | x | 1234 |",
        "",
    ]
