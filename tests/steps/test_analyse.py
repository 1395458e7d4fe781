"""What the steps that compute hand over, where both sides publish up to different months."""

from pathlib import Path

import polars as pl
import pytest

from tests.small_world import put_answer
from tests.steps.test_as_of import FIRST_DAY, MONTHS, ordinary_month, run_steps
from tradeflow.contract import load_contract


@pytest.fixture(scope="module")
def uneven(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pl.DataFrame]:
    """Everything that was made where all have published their exports, and none their imports, of one more month."""
    folder = tmp_path_factory.mktemp("uneven")
    newest = [row for row in ordinary_month(202401) if row["flowCode"] == "X"]
    put_answer(folder / "answers", FIRST_DAY, [*(row for month in MONTHS for row in ordinary_month(month)), *newest])
    return run_steps(Path(folder), None)


@pytest.mark.parametrize("table", ["baseline", "flow_score", "detectable_excess", "signal"])
def test_exports_known_to_a_later_month_double_no_row(uneven: dict[str, pl.DataFrame], table: str) -> None:
    keys = load_contract(table).unique_keys[0]
    assert uneven[table].select(keys).is_unique().all()


def test_exports_are_judged_up_to_their_own_newest_month(uneven: dict[str, pl.DataFrame]) -> None:
    newest = dict(uneven["baseline"].group_by("series_level").agg(pl.col("period").max()).iter_rows())
    assert newest | {"world": None} == {"importer": 202312, "flow": 202312, "export": 202401, "world": None}
