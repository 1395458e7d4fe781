"""The diversions that are planted, as a plan: what, in which code, how much, how often. Who takes part is drawn per world."""

from dataclasses import dataclass


@dataclass(frozen=True)
class CasePlan:
    """One line of the plan.

    `amount` is a multiple of what the host usually trades in a month, or kg where it is above 1,000. `times` counts
    consignments or months. `factor` is the share that the importer records, the share that is left, or a price factor.
    """

    case_id: str
    typology: str
    expected_rule: str
    code: int
    other_code: int
    amount: float
    times: int
    factor: float

    @property
    def number(self) -> int:
        """The number in case_id, from 1."""
        return int(self.case_id.removeprefix("case-"))


# typology, expected rule, code, other code, amount, times, factor
_PLAN = """
excess_import|excess_import|291812|0|40000|1|1
excess_import|excess_import|284161|0|3.5|2|1
excess_import|excess_import|291411|0|0.45|9|1
excess_import|excess_import|291524|0|2.0|4|1
excess_import|excess_import|293942|0|1.2|5|1
mirror_gap|mirror_gap|291524|0|1.0|7|0.1
mirror_gap|mirror_gap|284161|0|1.2|6|0.25
mirror_gap|mirror_gap|291634|0|1.0|6|0.25
mirror_gap|mirror_gap|290230|0|1.0|8|0.6
missing_mirror|missing_mirror|293941|0|2.5|4|0
missing_mirror|missing_mirror|284161|0|1.5|3|0
missing_mirror|missing_mirror|293293|0|1.0|2|0
missing_mirror|missing_mirror|291431|0|1.5|3|0
new_route|new_route|291524|0|1.2|4|1
new_route|new_route|293942|0|0.8|2|1
new_route|new_route|290911|0|1.0|3|1
new_route|new_route|293332|0|0.7|3|1
hub_detour|hub_detour|284161|0|2.0|4|1
hub_detour|hub_detour|293293|0|1.5|3|1
hub_detour|hub_detour|291524|0|1.0|5|1
unit_value_outlier|unit_value_outlier|291812|0|1.5|2|0.12
unit_value_outlier|unit_value_outlier|293942|0|1.0|2|7
unit_value_outlier|unit_value_outlier|291634|0|1.2|3|0.3
unit_value_outlier|unit_value_outlier|291411|0|0.8|3|3
substitution|substitution|293949|293941|1.5|8|0.25
substitution|substitution|291634|291431|1.0|9|0.3
substitution|substitution|291413|291411|0.8|9|0.5
displacement|displacement|284161|0|0|8|0.2
displacement|displacement|291524|0|0|7|0.3
displacement|displacement|290911|0|0|8|0.15
isolated_flow|isolated_flow|293961|0|0.6|1|3
isolated_flow|isolated_flow|291431|0|0.6|1|0.35
isolated_flow|isolated_flow|292640|0|0.8|2|2.5
misdeclared|unit_value_outlier|292690|292640|0.6|2|1.6
misdeclared|unit_value_outlier|293339|293336|0.15|2|0.8
misdeclared|unit_value_outlier|230910|293941|0.3|2|0.5
misdeclared|unit_value_outlier|271019|291524|0.4|2|1.3
substitution|substitution|291590|293339|1.0|8|0.3
"""


def load_plan() -> tuple[CasePlan, ...]:
    """All planned cases, numbered in order."""
    plans = []
    for number, line in enumerate(_PLAN.strip().splitlines(), start=1):
        typology, rule, code, other, amount, times, factor = line.split("|")
        plans.append(CasePlan(f"case-{number:02d}", typology, rule, int(code), int(other), float(amount), int(times), float(factor)))
    return tuple(plans)
