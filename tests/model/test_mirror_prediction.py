"""What the silent side will report: learnt from the past alone, with intervals that hold."""

from collections.abc import Iterator

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from tradeflow.model import mirror_learning
from tradeflow.model.mirror_examples import find_examples, weigh_examples
from tradeflow.model.mirror_features import as_features, ask, describe_past, describe_shown, take_logs
from tradeflow.model.mirror_prediction import LEVELS, TooShortPastError, predict_other_side

SIDES = ["export_value_usd", "import_value_usd", "export_net_weight_kg", "import_net_weight_kg"]
KEY = ["freq_code", "period", "exporter_code", "importer_code", "commodity_code"]


def make_pairs(seed: int = 1, years: int = 4) -> pl.DataFrame:
    """Every month of 5 x 5 x 3 routes; a route's importer has a habit of its own, from a quarter to four times the exporter's figure."""
    random = np.random.default_rng(seed)
    months = [year * 100 + month for year in range(2012, 2012 + years) for month in range(1, 13)]
    e, i, k, t = (grid.ravel() for grid in np.meshgrid(range(5), range(10, 15), range(3), range(len(months)), indexing="ij"))
    habit = random.normal(0, 0.7, (5, 15, 3))[e, i, k]
    size = random.normal(9, 1, (5, 15, 3))[e, i, k] + random.normal(0, 0.5, len(e))
    export = np.exp(size)
    imported = np.exp(size + habit + random.normal(0, 0.2, len(e)))
    key = {"freq_code": "M", "period": np.array(months)[t], "exporter_code": e, "importer_code": i, "commodity_code": k.astype(str)}
    values = {"export_value_usd": export, "import_value_usd": imported}
    return pl.DataFrame(key | values | {"export_net_weight_kg": export / 10, "import_net_weight_kg": imported / 10})


def hide(pairs: pl.DataFrame, side: str = "import") -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """History to the last year but one, the last year with one side hidden, and the same year as it was."""
    later = pairs.filter(pl.col("period") >= 201500)
    nothing = [pl.lit(None, pl.Float64).alias(name) for name in SIDES if name.startswith(side)]
    return pairs.filter(pl.col("period") < 201500), later.with_columns(nothing), later


@pytest.fixture(scope="module", autouse=True)
def _few_trees() -> Iterator[None]:
    """A fifth of the trees are enough for habits as plain as these."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mirror_learning, "_TREES", 40)
        patch.setattr(mirror_learning, "_SHIFT_TREES", 5)
        patch.setattr(mirror_learning, "_SCALE_TREES", 5)
        yield


@pytest.fixture(scope="module")
def told() -> pl.DataFrame:
    history, asked, truth = hide(make_pairs())
    return predict_other_side(history, asked).join(truth, on=KEY)


def test_each_route_s_habit_is_learnt(told: pl.DataFrame) -> None:
    ours, as_it_is = ((told["import_value_usd"] / told[name]).log().abs().median() for name in ("predicted_value_usd", "export_value_usd"))
    assert ours < 0.2  # type: ignore[operator]
    assert as_it_is > 0.35  # type: ignore[operator]


def test_the_intervals_hold_and_lie_within_each_other(told: pl.DataFrame) -> None:
    for name, true in (("predicted_value_usd", "import_value_usd"), ("predicted_net_weight_kg", "import_net_weight_kg")):
        for level in LEVELS:
            lower, upper = pl.col(f"{name}_lower_{level}"), pl.col(f"{name}_upper_{level}")
            assert told.select((lower < upper).all()).item()
            assert told.select(pl.col(true).is_between(lower, upper).mean()).item() == pytest.approx(level / 100, abs=0.08)
        limits = [f"{name}_lower_{level}" for level in reversed(LEVELS)] + [f"{name}_upper_{level}" for level in LEVELS]
        for narrower, wider in zip(limits[1:], limits, strict=False):
            assert told.select((pl.col(wider) <= pl.col(narrower)).all()).item()


def test_the_order_of_the_rows_changes_no_digit() -> None:
    history, asked, _ = hide(make_pairs().filter(pl.col("commodity_code") == "0"))
    told = predict_other_side(history, asked)
    for seed in range(3):
        shuffled = [pairs.sample(fraction=1, shuffle=True, seed=seed) for pairs in (history, asked)]
        assert_frame_equal(predict_other_side(*shuffled), told, check_row_order=False, check_exact=True)


def test_the_exporter_can_be_the_silent_side_and_a_missing_weight_is_not_foretold() -> None:
    history, asked, truth = hide(make_pairs(), "export")
    some = asked.filter(pl.col("commodity_code") == "0").with_columns(pl.lit(None, pl.Float64).alias("import_net_weight_kg"))
    told = predict_other_side(history, pl.concat([some, asked.filter(pl.col("commodity_code") == "1")])).join(truth, on=KEY)
    assert told.filter(pl.col("commodity_code") == "0")["predicted_net_weight_kg"].is_null().all()
    assert (told["export_value_usd"] / told["predicted_value_usd"]).log().abs().median() < 0.2  # type: ignore[operator]
    assert told["predicted_value_usd"].null_count() == 0


def test_too_short_a_past_is_refused() -> None:
    history, asked, _ = hide(make_pairs())
    with pytest.raises(TooShortPastError, match="0 pairs of both sides stand beside another year's; 200 are needed"):
        predict_other_side(history.filter(pl.col("period") > 201400), asked)


def test_nothing_after_the_cutoff_is_looked_at_on_the_hidden_side() -> None:
    question = ask("import", "value_usd")
    logs = take_logs(make_pairs(), question)
    asked = logs.filter(pl.col("_year") == 2014)
    later = pl.when(pl.col("_year") > 2013).then(pl.col("_hidden") + 5).otherwise("_hidden")
    known = [as_features(describe_past(given, asked, question, 2013)) for given in (logs, logs.with_columns(later.alias("_hidden")))]
    assert known[0].equals(known[1])


def test_the_past_of_a_route_by_hand() -> None:
    question = ask("import", "value_usd")
    given = [(201201, 10.0, 20.0), (201202, 10.0, 40.0), (201203, 10.0, None), (201302, 16.0, None)]
    columns = {"exporter_code": 1, "importer_code": 2, "commodity_code": "A"}
    pairs = pl.DataFrame([{"freq_code": "M", "period": p, **columns, "export_value_usd": x, "import_value_usd": m,
                           "export_net_weight_kg": x / 2, "import_net_weight_kg": None} for p, x, m in given])  # fmt: skip
    logs = take_logs(pairs.cast({"import_net_weight_kg": pl.Float64}), question)
    asked = logs.filter(pl.col("_year") == 2013)
    row = describe_past(logs, asked, question, 2012).join(
        describe_shown(logs, question), on=["exporter_code", "importer_code", "commodity_code", "_index"]
    )
    features = as_features(row).row(0, named=True)
    log = {name: float(np.log(value)) for name, value in {"2": 2, "8": 8, "40": 40, "16": 16, "10": 10}.items()}
    assert features["ratio_0"] == pytest.approx((2 * log["2"] + log["2"]) / 2)
    assert features["count_0"] == 2
    assert features["spread_0"] == pytest.approx(log["2"] / 2)
    assert features["level_last"] == features["level_same_month"] == features["level_same_months"] == pytest.approx(log["40"] - log["16"])
    assert features["level_near_-12"] == pytest.approx(log["10"] - log["16"])
    assert (features["since"], features["age"], features["rate_both"]) == (12, 1, pytest.approx(2 / 3))
    assert features["kg"] == pytest.approx(-log["2"])
    assert features["unit_value"] == pytest.approx(0)
    assert features["sums_0_all"] == features["sums_0_last"] == pytest.approx(np.log(60 / 30))
    assert features["level_monthly"] == pytest.approx(np.log(60 / 3 / 16))
    assert (features["ratio_other"], features["count_other"]) == (None, 0)


def test_each_year_is_foretold_from_the_years_before_it_and_after_it() -> None:
    question = ask("import", "value_usd")
    past = take_logs(make_pairs(years=3), question)
    asked = describe_past(past, past.filter(pl.col("_year") == 2014).with_columns(_year=2016, _index=pl.col("_index") + 24), question, 2014)
    examples = find_examples(past, asked, question)
    ages = examples.group_by("_year", "age").agg(pl.len(), pl.col("count_0").mean()).sort("_year", "age")
    # from 2012 and from 2012 and 2013; with time turned round from 2014 and from 2014 and 2013
    months = 5 * 5 * 3 * 12
    assert ages.rows() == [
        (2012, 1, months, 24), (2012, 2, months, 12), (2013, 1, 2 * months, 12), (2014, 1, months, 24), (2014, 2, months, 12),
    ]  # fmt: skip
    assert set(examples.select(pl.col("_index") // 12 - pl.col("_year")).to_series()) <= {0, 1}


def test_years_of_which_too_little_is_known_teach_nothing() -> None:
    question = ask("import", "value_usd")
    pairs = make_pairs(years=3)
    few = pairs.filter((pl.col("period") > 201300) | (pl.col("exporter_code") == 0))
    past = take_logs(few, question)
    asked = describe_past(past, past.filter(pl.col("_year") == 2014), question, 2013)
    examples = find_examples(past, asked, question)
    assert set(examples.filter(pl.col("_year") == 2014)["count_0"]) == {12, 24}
    assert examples.filter(pl.col("_year") == 2013).height == 5 * 5 * 3 * 12


def test_examples_count_as_often_as_their_like_is_asked_and_answered() -> None:
    """Of the next year's rows a tenth are asked of a route that nothing is known of, and of these only every second is ever answered."""
    known = {"age": 1, "count_0": 30, "count_hidden": 30, "_hidden": 1.0}
    unknown = {"age": 1, "count_0": None, "count_hidden": None, "_hidden": 1.0}
    described = pl.DataFrame([known] * 10 + [unknown] * 40 + [unknown | {"_hidden": None}] * 40)
    asked = pl.DataFrame([known | {"age": 3}] * 90 + [unknown] * 10)
    weighed = weigh_examples(described, asked)
    weights = weighed.group_by("count_0").agg(pl.col("_weight").sum())
    totals = dict(weights.iter_rows())
    assert weighed.height == 50
    assert totals[30] / totals[None] == pytest.approx(90 / 5)
    assert weighed["_weight"].mean() == pytest.approx(1)
