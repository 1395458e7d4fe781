"""`tradeflow foretell-sides`: reconciled pairs of a monthly table in, the silent side's report out."""

from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner, Result

from tests.model.test_mirror_prediction import make_pairs
from tradeflow.cli import main
from tradeflow.contract import load_contract
from tradeflow.model import mirror_learning


@pytest.fixture(autouse=True)
def _few_trees(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_TREES", "_SHIFT_TREES", "_SCALE_TREES"):
        monkeypatch.setattr(mirror_learning, name, 5)


def own_pairs() -> pl.DataFrame:
    """Pairs as `tradeflow reconcile` labels them; in the newest year one route's importer and another's exporter are silent."""
    year, month = pl.col("period") // 100, (pl.col("period") % 100).cast(pl.String).str.zfill(2)
    pairs = make_pairs(years=3).select(
        pl.format("land {}", "exporter_code").alias("exporter"),
        pl.format("land {}", "importer_code").alias("importer"),
        pl.col("commodity_code").alias("commodity"),
        pl.format("{}-{}", year, month).alias("period"),
        pl.selectors.ends_with("_usd", "_kg"),
    )
    newest = pl.col("period").str.starts_with("2014")
    for side, silent in (("import", pl.col("importer") == "land 10"), ("export", pl.col("exporter") == "land 1")):
        hidden = newest & silent & ((pl.col("importer") == "land 10") != (pl.col("exporter") == "land 1"))
        pairs = pairs.with_columns(
            pl.when(~hidden).then(pl.col(name)).alias(name) for name in (f"{side}_value_usd", f"{side}_net_weight_kg")
        )
    return pairs


def run(pairs: pl.DataFrame, folder: Path, name: str = "pairs.parquet") -> Result:
    path = folder / name
    pairs.write_parquet(path) if path.suffix == ".parquet" else pairs.write_csv(path)
    return CliRunner().invoke(main, ["foretell-sides", str(path), str(folder / "out.parquet")])


def test_every_silent_side_of_the_newest_year_is_foretold_once(tmp_path: Path) -> None:
    pairs = own_pairs()
    result = run(pairs, tmp_path)
    assert result.exit_code == 0, result.output
    told = pl.read_parquet(tmp_path / "out.parquet")
    silent = pairs.filter(pl.any_horizontal(pl.col("export_value_usd", "import_value_usd").is_null()))
    assert dict(told.schema) == dict(load_contract("own_side_prediction").schema)
    assert told.height == silent.height > 0
    assert set(told.filter(pl.col("importer") == "land 10")["hidden_side"]) == {"import"}
    assert set(told.filter(pl.col("exporter") == "land 1")["hidden_side"]) == {"export"}
    for lower, middle, upper in (
        ("predicted_value_lower_usd", "predicted_value_usd", "predicted_value_upper_usd"),
        ("predicted_net_weight_lower_kg", "predicted_net_weight_kg", "predicted_net_weight_upper_kg"),
    ):
        assert told.select((pl.col(lower) < pl.col(middle)) & (pl.col(middle) < pl.col(upper))).to_series().all()
    assert f"{told.height:,} pairs of 2014 with one side" in result.output


REFUSED = {
    "no column period, import_net_weight_kg": lambda pairs: pairs.drop("period", "import_net_weight_kg"),
    "its periods are no months": lambda pairs: pairs.with_columns(pl.col("period").str.head(4)),
    "there is no year before 2014 to learn from": lambda pairs: pairs.filter(pl.col("period") > "2014"),
    "200 are needed to learn from": lambda pairs: pairs.filter(
        (pl.col("period") > "2013-12") | ((pl.col("exporter") == "land 2") & (pl.col("commodity") == "0"))
    ),
}


@pytest.mark.parametrize(("told", "spoil"), REFUSED.items(), ids=REFUSED)
def test_what_cannot_be_foretold_is_one_line(tmp_path: Path, told: str, spoil: object) -> None:
    result = run(spoil(own_pairs()), tmp_path, "pairs.csv")  # type: ignore[operator]
    assert result.exit_code == 2
    assert told in result.stderr
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "out.parquet").exists()
