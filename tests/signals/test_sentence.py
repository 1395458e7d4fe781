import re
from typing import Any

import polars as pl
import pytest

from tests.signals.tables import ACETONE, CHINA, EPHEDRINE, MEXICO, candidate, candidates
from tradeflow.signals import RULES, Names
from tradeflow.signals.sentence import write_reasons
from tradeflow.signals.slip import is_likely_slip

NAMES = Names({MEXICO: "Mexico", CHINA: "China"}, {ACETONE: "Acetone"})
SURE = "Not one of 5,000 earlier route series looks this unusual (q 0.02); a lead to check, not a finding."


def write(exposure: str = "own", **row: Any) -> str:
    told = candidates(candidate(**row)).with_columns(is_likely_slip().alias("is_slip"), exposure=pl.lit(exposure))
    return write_reasons(told, NAMES)["signal_reason"].item()


IMPORTED = "Mexico reported importing 5.00 t of Acetone (HS 2914.11)"
FROM_CHINA = f"{IMPORTED} from China in January 2024"
EXPORTED = "China reported exporting 5.00 t of Acetone (HS 2914.11) to Mexico"
BAND = "(90% interval 500 kg to 2.00 t): 4.00 t more."
EXPECTED = "where its own history led to expect 1.00 t"
MISSING = {"rule": "missing_mirror", "mirror_status": "exporter_only"}
THEM = "for which Mexico reports none, although it had published them and usually records this trade."
MEDIAN = "a kilogram, where the code's median of the year is USD 2.00"
GAP = {"rule": "mirror_gap", "mirror_net_weight_kg": 6e3, "observed_kg": 12.0, "excess_kg": 5988.0, "lower_kg": 4e3, "upper_kg": 9e3}


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ({}, f"{FROM_CHINA}, {EXPECTED} {BAND}"),
        (
            {"exporter_code": 0, "window_periods": 3},
            f"{IMPORTED} in the three months to January 2024, {EXPECTED} for those of them with trade {BAND}",
        ),
        ({"mirror_net_weight_kg": 1100.0}, f"{FROM_CHINA}, {EXPECTED} {BAND} China reported exporting 1.10 t of it."),
        (
            GAP,
            "China reported exporting 6.00 t of Acetone (HS 2914.11) to Mexico in January 2024, which reported importing 12.0 kg; given "
            "how these two usually differ, 4.00 t to 9.00 t was to be expected, so 5.99 t is not accounted for.",
        ),
        (MISSING, f"{EXPORTED} in January 2024; Mexico had published that period and usually records this trade, but reports none."),
        (
            MISSING | {"mirror_status": "importer_only", "observed_kg": None},
            "Mexico reported importing USD 10,000 worth of Acetone (HS 2914.11) from China in January 2024; China had published that "
            "period and usually records this trade, but reports none.",
        ),
        (MISSING | {"window_periods": 6, "period": 202402}, f"{EXPORTED} in those of the six months to February 2024 {THEM}"),
        (MISSING | {"window_periods": 3, "period": 2023, "freq_code": "A"}, f"{EXPORTED} in those of the three years to 2023 {THEM}"),
        (
            {"rule": "new_route", "period": 2023, "freq_code": "A", "comparable_group": "first shipments of HS 291411"},
            f"{IMPORTED} from China in 2023, a route that had carried none before, or none for two years; what its two ends usually trade "
            "would lead to expect about 1.00 t.",
        ),
        (
            {"rule": "new_route", "comparable_group": "shipments on hardly used routes of HS 291411", "mirror_status": "exporter_only"},
            f"{EXPORTED} in January 2024, a route that had hardly ever carried it before; its few shipments and what its two ends usually "
            "trade would lead to expect about 1.00 t.",
        ),
        (
            {"rule": "excess_export", "window_periods": 3, "mirror_net_weight_kg": 1100.0},
            f"{EXPORTED} in the three months to January 2024, where its own history of the route led to expect 1.00 t for those of them "
            "with trade (90% interval 500 kg to 2.00 t): 4.00 t more. Mexico reported importing 1.10 t of it.",
        ),
        (
            {"rule": "unit_value_outlier", "unit_value_usd_per_kg": 16.0, "expected_kg": 5000.0},
            f"{FROM_CHINA} at USD 16.0 {MEDIAN}.",
        ),
        (
            {"rule": "unit_value_outlier", "unit_value_usd_per_kg": 2.0, "expected_kg": 100.0},
            f"{FROM_CHINA} at USD 2.00 a kilogram, where the code's median of the year is USD 100, so far off that a slip in the weight "
            "or the value comes before any other reading.",
        ),
        (
            {"rule": "isolated_flow", "commodity_code": EPHEDRINE, "importer_code": 999},
            "The 5.00 t of HS 2939.41 that area 999 reported importing from China in January 2024 stand apart from comparable flows in "
            "their combination of size, price, route and mirror figures.",
        ),
    ],
)
def test_the_sentence_of_each_branch(row: dict[str, Any], sentence: str) -> None:
    assert write(**row) == f"{sentence} {SURE}"


def test_a_shared_code_is_worded_as_exposure() -> None:
    assert write("shared").endswith(" The code also holds other goods: this is exposure at code level, not trade in one substance.")
    assert "exposure" not in write("own")
    assert "exposure" not in write("none")


@pytest.mark.parametrize("rule", list(RULES))
@pytest.mark.parametrize("status", ["exporter_only", "importer_only", "both"])
@pytest.mark.parametrize("window", [1, 3, 6])
@pytest.mark.parametrize("kg", [5000.0, None])
def test_no_sentence_accuses_or_shows_a_machines_word(rule: str, status: str, window: int, kg: float | None) -> None:
    told = write("shared", rule=rule, mirror_status=status, window_periods=window, observed_kg=kg, commodity_code="2914", importer_code=999)
    assert not re.search(r"fraud|illegal|illicit|guilty|criminal|smuggl|suspect|launder", told, re.IGNORECASE)
    assert not re.search(r"\bNone\b|\bnan\b|null|_|  |\{|\binf\b", told)
    assert "a lead to check, not a finding." in told
    assert "HS 2914" in told


def test_a_chance_that_earlier_flows_can_show_is_told_as_such() -> None:
    told = write(p_value=0.004)

    assert "About 1 in 250 of 5,000 earlier route series look this unusual" in told
