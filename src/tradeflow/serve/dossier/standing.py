"""The sections of a dossier on what stands on record of a company: leads, roles, licences, notifications, what people decided."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from tradeflow.serve.dossier.shape import Column, Section
from tradeflow.serve.page_words import DECISION_WORDS, LICENCE_WORDS, NOTICE_WORDS, PARTY_WORDS
from tradeflow.serve.queries.company import CompanyFile
from tradeflow.serve.queries.lead import list_decisions
from tradeflow.serve.translations import retell
from tradeflow.serve.visit import Visit
from tradeflow.telling.language import t
from tradeflow.telling.names import name_substance
from tradeflow.telling.wording import say_company_rule


def tell_leads(company: CompanyFile, language: str) -> Section:
    """The signals that name the company; in brief the strongest of each lead and rule."""
    title, none = t("Leads"), t("No lead names this company.")
    columns = [
        Column(t("Rank"), "count"),
        Column(t("Score"), "count"),
        Column(t("What")),
        Column(t("Period"), "period"),
        Column(t("Signal"), "long"),
    ]
    rows = [_tell_signal(row, language) for row in company.leads.iter_rows(named=True)]
    strongest = company.leads.sort("lead_rank", "anomaly_score", descending=[False, True], maintain_order=True)
    alike = strongest.group_by("lead_id", "rule", maintain_order=True).agg(pl.all().first(), pl.len().alias("alike"))
    brief = [[*_tell_signal(row, language), row["alike"]] for row in alike.iter_rows(named=True)]
    intro = t("The strongest signal of each lead and rule; the others stand in the spreadsheet.") if len(brief) < len(rows) else ""
    counted = [*columns, Column(t("Signals like it"), "count")]
    return Section(title, columns, rows, none=none, brief=Section(title, counted, brief, intro, none))


def _tell_signal(row: dict[str, Any], language: str) -> list[Any]:
    sentence = retell(row["signal_reason"], language) or row["signal_reason"]
    return [row["lead_rank"], row["lead_score"], say_company_rule(row["rule"]), row["period"], sentence]


def tell_roles(company: CompanyFile) -> Section:
    """What it is in trade, and how large."""
    columns = [
        Column(t("Role")),
        Column(t("First"), "period"),
        Column(t("Last"), "period"),
        Column(t("Main HS chapter"), "code"),
        Column(t("Share of it"), "share"),
        Column(t("Watched"), "share"),
        Column(t("Declarations"), "count"),
        Column(t("Weight"), "kg"),
        Column(t("Value"), "usd"),
    ]
    rows = [
        [t(PARTY_WORDS.get(row[0], row[0])), *row[1:]]
        for row in company.profiles.select(
            "party_role",
            "first_period",
            "last_period",
            "main_chapter",
            "main_chapter_share",
            "watched_share_ratio",
            "declaration_count",
            "net_weight_kg",
            "value_usd",
        ).rows()
    ]
    return Section(t("Roles and size"), columns, rows, t("Over all its declarations, watched goods or not."), t("No declarations."))


def tell_licences(company: CompanyFile) -> Section:
    """Its licences."""
    columns = [
        Column(t("Number"), "code"),
        Column(t("Kind")),
        Column(t("Substance")),
        Column(t("From"), "date"),
        Column(t("Until"), "date"),
        Column(t("Limit a year"), "kg"),
    ]
    rows = [
        [
            row["licence_number"],
            t(LICENCE_WORDS.get(row["licence_kind"], row["licence_kind"])),
            name_substance(row["substance_code"]) or t("all watched"),
            row["valid_from"],
            row["valid_to"],
            row["annual_limit_kg"],
        ]
        for row in company.licences
    ]
    return Section(t("Licences"), columns, rows, none=t("No licence is on record among those given to us."))


def tell_notifications(company: CompanyFile) -> Section:
    """Notifications that name it, beside what was declared."""
    columns = [
        Column(t("Number"), "code"),
        Column(t("Role")),
        Column(t("Partner"), "long"),
        Column(t("Substance")),
        Column(t("Notified on"), "date"),
        Column(t("Status")),
        Column(t("Notified"), "kg"),
        Column(t("Declared near that day"), "kg"),
    ]
    rows = [
        [
            row["notification_number"],
            t(PARTY_WORDS.get(row["party_role"], row["party_role"])),
            row["importer_name"] if row["party_role"] == "exporter" else row["exporter_name"],
            name_substance(row["substance_code"]),
            row["notified_on"],
            t(NOTICE_WORDS.get(row["notification_status"], row["notification_status"])),
            row["notified_kg"],
            row["declared_kg"],
        ]
        for row in company.notifications
    ]
    return Section(t("Pre-export notifications"), columns, rows, none=t("No notification is on record among those given to us."))


def tell_decisions(company: CompanyFile, visit: Visit) -> Section:
    """What people decided and noted on its leads."""
    columns = [Column(t("When"), "code"), Column(t("Who")), Column(t("Signal"), "code"), Column(t("What")), Column(t("Words"), "long")]
    told = [(signal_id, one) for signal_id in company.leads["signal_id"] for one in list_decisions(visit.connection, signal_id)]
    rows = [
        [
            one["at"].strftime("%Y-%m-%d %H:%M"),
            one["person"],
            signal_id,
            t(DECISION_WORDS[one["decision"]]) if one["kind"] == "decision" else t(one["kind"]),
            one.get("reason") or one.get("note_text") or "",
        ]
        for signal_id, one in told
    ]
    return Section(t("Decisions and notes"), columns, rows, none=t("Nobody has decided or noted anything yet."))


def tell_versions(visit: Visit) -> Section:
    """The table versions that the release read."""
    versions: Mapping[str, Any] = visit.release.manifest.get("table_versions") or {}
    title, rows = t("Data versions"), [[name, str(version)] for name, version in sorted(versions.items())]
    in_a_line = " · ".join(f"{name} {version}" for name, version in rows)
    return Section(title, [Column(t("Table")), Column(t("Version"), "code")], rows, brief=Section(title, [], [], none=in_a_line))
