"""What a run looks at, what counts as normal, and what becomes a lead."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from tradeflow.settings.section import Month, Section, Share, Weight

_RULE_WEIGHTS = {
    "excess_import": 1.0,
    "excess_export": 0.8,
    "excess_family": 0.8,
    "mirror_gap": 1.0,
    "missing_mirror": 0.8,
    "new_route": 0.8,
    "unit_value_outlier": 0.7,
    "isolated_flow": 0.5,
    "above_requirement": 1.0,
    "hub_detour": 0.7,
    "displacement": 0.7,
    "substitution": 0.7,
    "misdeclared_goods": 1.0,
    "unnotified_export": 1.0,
    "unlicensed_importer": 1.0,
    "split_consignment": 0.8,
    "out_of_profile": 0.8,
    "family_basket": 0.8,
    "broker_bottleneck": 0.6,
    "isolated_declaration": 0.4,
}
_EXPOSURE_WEIGHTS = {"own": 1.0, "shared": 0.8, "none": 0.6}


class Watch(Section):
    """What is looked at; an empty list stands for everything that the sources hold."""

    reporters: tuple[int, ...] = ()
    """Areas whose trade is looked at, from either side; their codes."""
    commodities: tuple[Annotated[str, Field(pattern=r"^([0-9]{2}|[0-9]{4}|[0-9]{6})$")], ...] = ()
    """HS codes of 2, 4 or 6 digits without points, as the conformed rows carry them."""
    substances: tuple[str, ...] = ()
    """Watched substances, by their codes in `codelists/substance.csv`: their HS codes are looked at beside `commodities`."""
    first_period: Month | None = None
    """First month whose leads are published (YYYYMM); empty: `model.scored_months` back from the newest."""
    last_period: Month | None = None
    """Last month that a run sees (YYYYMM); empty: the newest."""
    overlay: Path | None = None
    """A private substance list (CSV with the columns of `codelists/substance.csv`) laid over the public one."""
    requirements: Path | None = None
    """What areas legitimately need in a year (CSV or XLSX with the columns of contract `source_annual_requirement`); empty:
    what the sources hold in that layout."""


class Reconcile(Section):
    """How both sides of a trade are brought together."""

    prior_margin_rate: Annotated[float, Field(ge=0, le=0.25)] = 0.06
    """CIF/FOB margin that corridors without rows carrying both values are shrunk to."""
    prior_margin_weight: Annotated[float, Field(gt=0)] = 20
    """Rows that the prior counts for."""
    floor_sigma: Annotated[float, Field(gt=0)] = 0.05
    """Smallest standard deviation of a log error that any reporter is credited with."""
    habit_weight: Annotated[float, Field(gt=0)] = 6
    """Periods of no gap that a corridor's habitual gap is shrunk by."""
    threshold_usd: Annotated[float, Field(ge=0)] = 1000
    """Trade below it need not appear in statistics: a missing mirror of that size says nothing."""


class Model(Section):
    """What counts as normal, and over which periods."""

    scored_months: Annotated[int, Field(ge=1)] = 12
    """Newest months whose leads are published; of annual figures as many whole years, one at the least."""
    calibration_months: Annotated[int, Field(ge=1)] = 24
    """Months before those, against which p-values are calibrated; of annual figures as many whole years."""
    min_history_months: Annotated[int, Field(ge=6)] = 18
    """Shortest history from which a monthly series is judged; an annual one needs five years."""
    detectable_false_alarm_rate: Share = 0.01
    """Share of ordinary periods called as well, at which the smallest detectable excess is stated."""
    detectable_power: Share = 0.80
    """Chance of being called that makes an excess detectable."""
    forest_trees: Annotated[int, Field(ge=10)] = 100
    """Trees of each isolation forest."""
    forest_seed: int = 1
    """The same seed grows the same forests on any machine."""


class Signals(Section):
    """What becomes a lead, and how leads are ranked."""

    q_limit: Share = 0.10
    """Largest share of false leads that the flagged ones of a rule may be expected to hold."""
    p_limit: Share = 0.01
    """Largest p-value with which an unflagged signal is still listed below the flagged ones."""
    min_excess_kg: Annotated[float, Field(ge=0)] = 100
    """Leads about less than this weight are not published."""
    leads_per_code: Annotated[int, Field(ge=0)] = 10
    """Importers of a watched code whose strangest signals are listed even where nothing about them is rare."""
    weights: dict[str, Weight] = _RULE_WEIGHTS
    """What a rule counts for in the score that leads are ranked by; a rule that is not named keeps its default."""
    exposure_weights: dict[str, Weight] = _EXPOSURE_WEIGHTS
    """What a code counts for: its own substance's, a residual that also holds other goods, or not watched at all."""

    rank_by_decisions: bool = True
    """Whether leads are ordered by what people's earlier decisions teach, once these are enough and order later ones better."""
    slip_weight: Annotated[float, Field(ge=0, le=1)] = 0.4
    """What a signal counts for whose likeliest reading is a slip of unit or decimal point: a lead about the record before the trade."""

    white_list_weight: Weight = 0.5
    """What a signal counts for on a company that stands on the white list for the substance."""
    notification_days: Annotated[int, Field(ge=0)] = 60
    """Days after its planned day up to which an export goes under a notification: sailings slip by weeks, and permits run for months."""
    notification_early_days: Annotated[int, Field(ge=0)] = 10
    """Days before its planned day from which an export goes under a notification."""
    licence_grace_days: Annotated[int, Field(ge=0)] = 30
    """Days for which a licence that ended still counts: renewals are decided late."""
    quantity_tolerance_ratio: Annotated[float, Field(ge=0)] = 0.10
    """Share by which a weight may be above what was notified or licensed: a last drum, another scale, wet for dry."""
    split_days: Annotated[int, Field(ge=4)] = 30
    """Days within which several consignments may count as one run; half and a quarter of them are looked at too."""
    leads_per_rule: Annotated[int, Field(ge=0)] = 20
    """Companies whose strangest signals by a rule are listed even where nothing about them is rare."""
    threshold_kg: dict[str, Annotated[float, Field(gt=0)]] = {}
    """Weights, by substance_code, below which a consignment needs no permission; where none is named, a usual consignment stands for it."""

    @field_validator("weights")
    @classmethod
    def _complete_weights(cls, given: dict[str, float]) -> dict[str, float]:
        return _lay_over(_RULE_WEIGHTS, given)

    @field_validator("exposure_weights")
    @classmethod
    def _complete_exposure_weights(cls, given: dict[str, float]) -> dict[str, float]:
        return _lay_over(_EXPOSURE_WEIGHTS, given)


def _lay_over(defaults: dict[str, float], given: dict[str, float]) -> dict[str, float]:
    if unknown := sorted(set(given) - set(defaults)):
        raise ValueError(f"{', '.join(unknown)} is not known; known are {', '.join(defaults)}")
    return defaults | given


class Declarations(Section):
    """Which declarations are proposed for inspection, and which outcomes judge the proposals."""

    inspected_share: Share = 0.10
    """Share of the scored declarations that can be inspected."""
    audit_share: Share = 0.10
    """Share of the inspections that is drawn by chance, so that the figures stay honest and new schemes are found."""
    judged_months: Annotated[int, Field(ge=1)] = 3
    """Newest months of known outcomes that a run learns nothing from: they tell how well what is older ranks them."""


class Companies(Section):
    """How the companies that declarations name are told apart."""

    linker: Literal["rules", "splink"] = "rules"
    """Links by rules that a person can read, or by weights that Splink learns from the names (extra `companies`)."""
    decisions: Path | None = None
    """What people decided on two spellings (CSV with the columns of contract `entity_decision`): every run follows it."""
    licensed_operators: Path | None = None
    """Licences, end-use declarations and white list (CSV or XLSX with the columns of contract `source_licensed_operator`)."""
    pre_export_notifications: Path | None = None
    """Pre-export notifications (CSV or XLSX with the columns of contract `source_pre_export_notification`)."""
    precursor_incidents: Path | None = None
    """Seizures, thefts, stopped shipments (CSV or XLSX with the columns of contract `source_precursor_incident`)."""


class Operation(Section):
    """A watch operation: a few substances, a region, a time. `tradeflow run --operation NAME` looks at nothing else and is titled by it."""

    name: Annotated[str, Field(min_length=1, max_length=80)]
    """What the operation is called: the title of its report and table."""
    substances: Annotated[tuple[str, ...], Field(min_length=1, max_length=5)]
    """One to five watched substances, by their codes in `codelists/substance.csv`."""
    areas: tuple[int, ...] = ()
    """UN M49 codes of the areas that make up the region, looked at from either side; empty: those of `watch.reporters`."""
    first_period: Month
    """First month of the operation (YYYYMM)."""
    last_period: Month | None = None
    """Last month (YYYYMM); empty: the operation goes on."""

    @model_validator(mode="after")
    def _end_after_beginning(self) -> Self:
        if self.last_period is not None and self.last_period < self.first_period:
            raise ValueError(f"last_period {self.last_period} lies before first_period {self.first_period}")
        return self
