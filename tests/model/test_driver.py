"""The words for what drove a score: each kind of feature, in the user's names."""

import numpy as np
import polars as pl
import pytest

from tradeflow.model.declaration_features import PRIOR_OUTCOMES, Described, Feature
from tradeflow.model.driver import Wording, merge_records, nested_features, strongest, tell_amount, tell_outcome_drivers

CELLS = pl.DataFrame({"hs6_code": ["291411"], "origin": [None], "tax_rate_percent": [8.0]}, schema_overrides={"origin": pl.String})
SPELLING = {"hs6_code": "HS Code", "origin": "Origin", "item_price": "Price", "net_weight_kg": "Kg", "is_fraud": "Irregular"}
WORDING = Wording(SPELLING, CELLS)
CODE, ROUTE = ("hs6_code",), ("hs6_code", "origin")


@pytest.mark.parametrize(
    ("feature", "amount", "told"),
    [
        (Feature("stated", "log_price", ()), np.log(1234.5), "Price 1235.0"),
        (Feature("stated", "log_unit_value", ()), np.log(2.5), "Price per Kg 2.5"),
        (Feature("stated", "log_weight", ()), np.nan, "no Kg"),
        (Feature("stated", "tax_rate_percent", ("tax_rate_percent",)), 8.0, "tax_rate_percent 8.0"),
        (Feature("usual", "log_unit_value", CODE), -3.21, "Price per Kg 3.2 standard deviations below the usual of HS Code 291411"),
        (Feature("usual", "log_price", ROUTE), 2.0, "Price 2.0 standard deviations above the usual of HS Code 291411 and Origin (none)"),
        (Feature("usual", "log_price", CODE), 0.2, "Price as usual for HS Code 291411"),
        (Feature("usual", "log_weight", CODE), np.nan, "no earlier Kg to compare with for HS Code 291411"),
        (Feature("rare", "", CODE), np.log(1200), "HS Code 291411: no more than one in 1200 earlier declarations"),
    ],
)
def test_each_kind_of_feature_has_its_words(feature: Feature, amount: float, told: str) -> None:
    assert CELLS.with_columns(amount=pl.lit(amount)).select(tell_amount(feature, WORDING)).item() == told


@pytest.mark.parametrize(
    ("positive", "inspected", "told"),
    [(3, 7, "HS Code 291411: Irregular in 3 of 7 inspected before"), (0, 0, "HS Code 291411: none inspected before")],
)
def test_a_record_is_told_in_whole_inspections(positive: int, inspected: int, told: str) -> None:
    average = 0.2173
    rate = (positive + PRIOR_OUTCOMES * average) / (inspected + PRIOR_OUTCOMES)
    features = (Feature("record", "", CODE), Feature("inspected", "", CODE))
    described = Described(np.array([[rate, inspected]], dtype=np.float32), features, np.array([average]))
    drivers = tell_outcome_drivers(np.array([[0.5, 0.1]]), described, WORDING)
    assert drivers.row(0) == (told, 1.0, None, None, None, None)


def test_what_is_nested_in_a_reason_counts_with_it_and_is_not_told_again() -> None:
    features = [
        Feature("record", "", CODE),
        Feature("record", "", ROUTE),
        Feature("record", "", ("origin",)),
        Feature("usual", "log_price", CODE),
    ]
    chosen, shares = strongest(np.array([[0.2, 0.5, 0.1, 0.2], [-1.0, 0.0, 0.0, 0.0]]), nested_features(features))
    assert chosen[0, :2].tolist() == [1, 3]
    np.testing.assert_allclose(shares, [[0.8, 0.2, 0.0], [0.0, 0.0, 0.0]])


def test_the_number_of_inspections_counts_with_their_outcomes() -> None:
    features = [Feature("stated", "log_price", ()), Feature("record", "", CODE), Feature("inspected", "", CODE)]
    merged, kept = merge_records(np.array([[0.1, 0.2, 0.3]]), features)
    assert [each.kind for each in kept] == ["stated", "record"]
    np.testing.assert_allclose(merged, [[0.1, 0.5]])
