"""What was asked of the reconciliation beside what was measured; tables of figures in, one row per demand out."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from tradeflow.evaluate.mirror_baselines import ESTIMATES
from tradeflow.evaluate.mirror_known import ORACLE, OURS
from tradeflow.evaluate.mirror_predict import SIMPLE_METHODS

_NEAR_ORACLE = 1.03
_FACTOR = 1.5
_PLAIN_MULTIPLE, _HARDER_MULTIPLE = 5, 3
_MARGIN = 0.15
_COVERED = (0.87, 0.93)
_INDEX = "discrepancy index (FAO rule)"
_RANKINGS = ("-z_value", "-z_kg", "1 - p_value")

Verdict = dict[str, object]


def judge_demands(tables: dict[str, pl.DataFrame]) -> pl.DataFrame:
    """Return demand, of, asked, measured, is_met: one row per demand and what it is asked of; the worst case stands for all."""
    return pl.DataFrame([*_of_estimates(tables["estimate"]), *_of_detection(tables["detection"]), *_of_rates(tables["calibration"]),
                         *(_of_predictions(tables["real"]) if "real" in tables else ())])  # fmt: skip


def _verdict(demand: str, of: str, asked: str, measured: float, case: str, is_met: bool) -> Verdict:
    return {"demand": demand, "of": of, "asked": asked, "measured": measured, "worst case": case, "is_met": is_met}


def _of_estimates(estimate: pl.DataFrame) -> Iterator[Verdict]:
    mean = estimate.filter(pl.col("flows") == "both sides").group_by("source", "form", "measure", "method").agg(pl.col("rmse").mean())
    wide = mean.pivot("method", index=["source", "form", "measure"], values="rmse").sort("source", "measure", "form")
    for (source, measure), rows in wide.group_by("source", "measure", maintain_order=True):
        plain = rows.filter(pl.col("form") == "plain")
        if plain.height:
            ratio = plain[OURS].item() / plain[ORACLE].item()
            yield _verdict(
                "RMSE over the oracle's, plain", f"{source}, {measure}", f"at most {_NEAR_ORACLE}", ratio, "plain", ratio <= _NEAR_ORACLE
            )
        best = rows.with_columns((pl.col(OURS) / pl.min_horizontal(list(ESTIMATES))).alias("_ratio")).sort("_ratio").row(-1, named=True)
        yield _verdict(
            "RMSE over the best other method's, every form",
            f"{source}, {measure}",
            "below 1",
            best["_ratio"],
            best["form"],
            best["_ratio"] < 1,
        )


def _of_detection(detection: pl.DataFrame) -> Iterator[Verdict]:
    mean = detection.group_by("source", "form", "score").agg(pl.col("average_precision").mean())
    wide = mean.pivot("score", index=["source", "form"], values="average_precision").sort("source", "form")
    for form, multiple in (("plain", _PLAIN_MULTIPLE), ("all", _HARDER_MULTIPLE)):
        for row in wide.filter(pl.col("form") == form).iter_rows(named=True):
            for score in _RANKINGS:
                ratio = row[score] / row[_INDEX]
                demand = f"average precision over the discrepancy index's, {form}"
                yield _verdict(demand, f"{row['source']}, {score}", f"at least {multiple}", ratio, form, ratio >= multiple)


def _of_rates(calibration: pl.DataFrame) -> Iterator[Verdict]:
    mean = (
        calibration.group_by("source", "form", "figure", "nominal").agg(pl.col("ratio").mean()).sort("source", "figure", "nominal", "form")
    )
    for (source, figure, nominal), rows in mean.group_by("source", "figure", "nominal", maintain_order=True):
        worst = rows.with_columns(pl.col("ratio").log().abs().alias("_off")).sort("_off").row(-1, named=True)
        is_met = 1 / _FACTOR <= worst["ratio"] <= _FACTOR
        yield _verdict(
            f"false flags over nominal {nominal:g}",
            f"{source}, {figure}",
            f"within a factor {_FACTOR}",
            worst["ratio"],
            worst["form"],
            is_met,
        )


def _of_predictions(real: pl.DataFrame) -> Iterator[Verdict]:
    best = pl.min_horizontal(SIMPLE_METHODS)
    below = real.with_columns((1 - pl.col(OURS) / best).alias("_below")).sort("set", "split", "measure", "hidden")
    for row in below.iter_rows(named=True):
        of = f"{row['set']}, {row['split']}, {row['measure']}, {row['hidden']} hidden"
        nearest = min(SIMPLE_METHODS, key=lambda method: row[method])
        yield _verdict(
            "median error below the best simple method's", of, f"at least {_MARGIN}", row["_below"], nearest, row["_below"] >= _MARGIN
        )
        low, high = _COVERED
        covered = row["covered_0.9"]
        yield _verdict("coverage of the 90% interval", of, f"{low} to {high}", covered, "", low <= covered <= high)
