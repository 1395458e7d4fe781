"""One lead as the report shows it: words, charts, features and source rows."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import polars as pl

from tradeflow import amounts as say
from tradeflow.contract import load_contract
from tradeflow.telling import wording
from tradeflow.telling.both_sides import explain_belief, explain_correction, tell_windows
from tradeflow.telling.chart_figures import history_figures, mirror_figures, say_observed
from tradeflow.telling.detectability import say_detectable
from tradeflow.telling.language import t
from tradeflow.telling.lead_months import Change, lead_months, periods_back_to_lead, read_change, reporting_side
from tradeflow.telling.names import name_area, name_commodity, name_importer, name_substance, spell_code
from tradeflow.telling.score_parts import score_parts
from tradeflow.telling.standing import rank_reporters
from tradeflow.telling.tables import ReleaseTables

_SHORT_LABELS = {
    ("export", "corrected_by_1000"): "exporter’s weight read in another unit",
    ("import", "corrected_by_1000"): "importer’s weight read in another unit",
    ("export", "out_of_scale"): "exporter’s weight out of scale, left out",
    ("import", "out_of_scale"): "importer’s weight out of scale, left out",
    ("export", "no_weight"): "exporter gives no weight",
    ("import", "no_weight"): "importer gives no weight",
}
_SHORT_ALIGNMENTS = {
    "not_recorded": "nothing of these goods found in the months of arrival: not compared",
    "not_known": "months of arrival not known yet: not compared",
}


@dataclass(frozen=True)
class Lead:
    """A lead's head signal with everything that the report says about it; `charts` holds columns of figures by chart."""

    signal: dict[str, Any]
    importer: str
    exporter: str
    commodity: str
    substance: str | None
    others: list[dict[str, Any]]
    features: list[dict[str, Any]]
    parts: list[tuple[str, float, float]]
    evidence: list[dict[str, Any]]
    months: list[dict[str, Any]]
    charts: dict[str, Any]
    facts: list[tuple[str, str]]
    has_mirror: bool
    history_side: str
    correction: list[tuple[str, str]]
    windows: list[dict[str, Any]]
    belief: list[str]

    @property
    def other_words(self) -> str:
        """Which other rules the lead broke; where there are none, that its own rule saw it elsewhere too."""
        rules = dict.fromkeys(other["rule"] for other in self.others if other["rule"] != self.signal["rule"])
        return ", ".join(map(wording.say_rule, rules)) or t("the same in other periods or sums")

    @property
    def haystack(self) -> str:
        """What the text search looks through."""
        signal = self.signal
        words = [self.importer, self.exporter, signal["commodity_code"], self.commodity, self.substance or ""]
        words += [signal["signal_reason"], wording.say_rule(signal["rule"]), signal["signal_id"], say.say_period(signal["period"])]
        return " ".join(words).casefold()


def read_leads(tables: ReleaseTables, limit: int) -> list[Lead]:
    """Take the release's tables; hand over the first leads by rank."""
    heads = tables.signal.filter("is_lead_head").sort("lead_rank", "signal_id").head(limit)
    near, ranked = _only_rows_of(heads, tables), rank_reporters(tables.reporter_reliability)
    return [tell_lead(signal, near, ranked) for signal in heads.iter_rows(named=True)]


def _only_rows_of(heads: pl.DataFrame, tables: ReleaseTables) -> ReleaseTables:
    series = ["freq_code", "importer_code", "commodity_code"]
    return ReleaseTables(
        signal=tables.signal.join(heads, on="lead_id", how="semi"),
        signal_feature=tables.signal_feature.join(heads, on="signal_id", how="semi"),
        signal_evidence=tables.signal_evidence.join(heads, on="signal_id", how="semi"),
        baseline=tables.baseline.join(heads, on=series, how="semi"),
        mirror_pair=tables.mirror_pair.join(heads, on=series, how="semi"),
        trade_history=tables.trade_history.join(heads, on=series, how="semi"),
        reporter_reliability=tables.reporter_reliability,
        mirror_correction=tables.mirror_correction.join(heads, on=series, how="semi"),
        mirror_window=tables.mirror_window.join(heads, on=series, how="semi"),
        corridor=tables.corridor,
        unlocated_trade=tables.unlocated_trade,
        model_card=tables.model_card,
        detectable_excess=tables.detectable_excess,
        requirement_use=tables.requirement_use,
        coverage=tables.coverage,
        quarantine_count=tables.quarantine_count,
        series_change=tables.series_change.join(heads, on=series, how="semi"),
    )


def tell_lead(signal: dict[str, Any], tables: ReleaseTables, ranked: pl.DataFrame) -> Lead:
    """Take a signal, the tables around it and the reporters as rank_reporters returns them; return what is said of the lead."""
    months, change = lead_months(signal, tables), read_change(signal, tables.series_change)
    history_side, paired = reporting_side(signal, tables), _paired_month(months)
    same_lead = (pl.col("lead_id") == signal["lead_id"]) & (pl.col("signal_id") != signal["signal_id"])
    others = tables.signal.filter(same_lead).sort("anomaly_score", descending=True)
    mine = pl.col("signal_id") == signal["signal_id"]
    return Lead(
        signal=signal,
        importer=name_importer(signal["importer_code"]),
        exporter=name_area(signal["exporter_code"]),
        commodity=name_commodity(signal["commodity_code"]),
        substance=name_substance(signal["substance_code"]),
        others=others.to_dicts(),
        parts=score_parts([signal, *others.to_dicts()]),
        features=_features(tables.signal_feature.filter(mine)),
        evidence=_evidence(tables.signal_evidence.filter(mine)),
        months=newest_months(months),
        charts={
            "history": history_figures(signal, months, history_side, change),
            "mirror": mirror_figures(months),
        },
        facts=_facts(signal, change, tables.detectable_excess),
        has_mirror=months["mirror_status"].is_not_null().any(),
        history_side=history_side,
        correction=explain_correction(paired) if paired else [],
        windows=tell_windows(signal, tables.mirror_window),
        belief=explain_belief(paired, signal, ranked),
    )


def _paired_month(months: pl.DataFrame) -> dict[str, Any] | None:
    """Return the newest of the lead's periods in which its route's weights, else its values, else its sides were compared; else None."""
    paired = months.filter(pl.col("is_lead_period") & pl.col("valuation_basis").is_not_null())
    compared = paired.with_columns(_told=pl.col("z_kg").is_not_null().cast(pl.Int8) + pl.col("shortfall_p_value").is_not_null())
    return compared.sort("_told", "period").drop("_told").row(-1, named=True) if paired.height else None


def _facts(signal: dict[str, Any], change: Change | None, detectable_excess: pl.DataFrame) -> list[tuple[str, str]]:
    facts = [
        (t("Observed"), _say_observed(signal)),
        (t("Expected"), _say_expected(signal)),
        (t("Excess"), say.say_weight(signal["excess_kg"]) + _in_brackets(signal["excess_ratio"])),
        (t("Kind of change"), _say_change(change)),
        (t("Value"), wording.say_value(signal["observed_value_usd"])),
        (t("Unit value"), _unit_value(signal["unit_value_usd_per_kg"])),
        (t("The other leg"), _say_related(signal)),
        (t("Other side says"), _weight_and_value(signal["mirror_net_weight_kg"], signal["mirror_value_usd"])),
        (t("p-value"), t("{p}, against {comparison}", p=say.say_probability(signal["p_value"]), comparison=t(signal["comparison"]))),
        (t("Among its like"), _say_like(signal)),
        (t("q-value"), _say_q(signal)),
    ]
    facts.append((t("Could be seen from"), say_detectable(signal, detectable_excess)))
    return [(fact, text) for fact, text in facts if text and not text.startswith(say.NOT_STATED)]


def _say_observed(signal: dict[str, Any]) -> str:
    weight = say.say_weight(signal["observed_kg"])
    count = signal["window_periods"]
    return t("{amount} over {count} periods together", amount=weight, count=count) if count > 1 else weight


def _say_expected(signal: dict[str, Any]) -> str:
    weight = say.say_weight(signal["expected_kg"])
    if signal["lower_kg"] is None or signal["upper_kg"] is None:
        return weight
    lower, upper = say.say_weight(signal["lower_kg"]), say.say_weight(signal["upper_kg"])
    return t("{amount} (90% interval {lower} to {upper})", amount=weight, lower=lower, upper=upper)


def _say_change(change: Change | None) -> str:
    if change is None:
        return ""
    kind, score = wording.say_change(change.kind, change.period), f"{change.six_month_score:.0f}"
    return t("{change}; evidence of any change in that half year: {score} of 100", change=kind, score=score)


def _say_like(signal: dict[str, Any]) -> str:
    """Say how likely it is that any of many is as strange; nothing of one alone, of which the p-value says it."""
    if signal["judged_series"] < 2:
        return ""
    chance = say.say_probability(signal["any_series_p_value"])
    count = signal["judged_series"]
    return t("{chance} for the strangest of {count} series that the rule judged; the score counts it", chance=chance, count=count)


def _say_q(signal: dict[str, Any]) -> str:
    q = say.say_probability(signal["q_value"])
    return t("{q}, flagged", q=q) if signal["is_flagged"] else t("{q}, listed but not flagged", q=q)


def _say_related(signal: dict[str, Any]) -> str:
    """Say what the leg carried from which the trade seems to have moved: through whom, to whom, or of which other code."""
    if signal["related_observed_kg"] is None:
        return ""
    code, area = signal["related_commodity_code"], signal["related_area_code"]
    leg = spell_code(code) if code else name_area(area)
    observed, expected = say.say_weight(signal["related_observed_kg"]), say.say_weight(signal["related_expected_kg"])
    return t("{leg}: {observed}, expected {expected}", leg=leg, observed=observed, expected=expected)


def _in_brackets(ratio: float | None) -> str:
    return "" if ratio is None else f" ({say.say_ratio(ratio)})"


def _unit_value(usd_per_kg: float | None) -> str:
    return say.NOT_STATED if usd_per_kg is None else t("USD {number} per kg", number=say.say_number(usd_per_kg))


def _weight_and_value(kg: float | None, usd: float | None) -> str:
    stated = [text for text in (say.say_weight(kg), wording.say_value(usd)) if text != say.NOT_STATED]
    return ", ".join(stated) or say.NOT_STATED


def _features(rows: pl.DataFrame) -> list[dict[str, Any]]:
    meanings = _feature_meanings()
    driving = rows.sort("feature_share", descending=True).iter_rows(named=True)
    return [row | {"meaning": meanings.get(row["feature"], "")} for row in driving]


@functools.cache
def _feature_meanings() -> dict[str, str]:
    """Return what each feature means, from the contract that declares it as a column."""
    tables = ("signal", "mirror_pair", "baseline", "flow_score")
    return {column.name: column.meaning for table in tables for column in load_contract(table).columns}


def _evidence(rows: pl.DataFrame) -> list[dict[str, Any]]:
    ordered = rows.sort(pl.col("evidence_role") != "observed", "period", "snapshot_id", "row_number")
    return [
        row | {"reporter": name_area(row["reporter_code"]), "partner": _partner(row["partner_code"])}
        for row in ordered.iter_rows(named=True)
    ]


def _partner(code: int) -> str:
    return t("World") if code == 0 else name_area(code)


def newest_months(months: pl.DataFrame, shown: int = 24) -> list[dict[str, Any]]:
    """Return the newest periods, newest first, and never without the lead's own."""
    newest = months.reverse().head(max(shown, periods_back_to_lead(months) + 1))
    return [
        row
        | {
            "observed_words": say_observed(row),
            "mirror_words": _say_mirror(row),
        }
        for row in newest.iter_rows(named=True)
    ]


def _say_mirror(month: dict[str, Any]) -> str:
    """Say what is to be known about a period's two sides: why one is missing, which weight is no evidence, what explains a gap."""
    reasons = [
        wording.MIRROR_WORDS.get(month["mirror_reason"] or "", ""),
        _SHORT_ALIGNMENTS.get(month["alignment_label"] or "", "") if month["mirror_status"] == "both" else "",
        *(_SHORT_LABELS.get((side, _weight_label(month, side)), "") for side in ("export", "import")),
        wording.GAP_WORDS.get(month["gap_explanation"] or "", ""),
        _say_no_trade(month),
    ]
    return "; ".join(t(reason) for reason in reasons if reason)


def _weight_label(month: dict[str, Any], side: str) -> str:
    is_unweighed = month[f"{side}_value_usd"] is not None and month[f"{side}_net_weight_kg"] is None
    return "no_weight" if is_unweighed else str(month[f"{side}_weight_label"])


def _say_no_trade(month: dict[str, Any]) -> str:
    """Say of a period in which no side states anything whether that is a zero or a silence."""
    statuses = (month["export_status"], month["import_status"])
    if month["mirror_status"] is not None or None in statuses:
        return ""
    exporter, importer = (status == "reported" for status in statuses)
    return wording.NO_TRADE_WORDS[exporter, importer]
