"""The sections of a company's dossier, each a table in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import polars as pl

from tradeflow.serve.dossier.shape import Column, Section
from tradeflow.serve.page_words import DECISION_WORDS, LICENCE_WORDS, LINK_WORDS, NAMED_BY_WORDS, NOTICE_WORDS, PARTY_WORDS
from tradeflow.serve.queries.company import CompanyFile
from tradeflow.serve.queries.lead import list_decisions
from tradeflow.serve.visit import Visit
from tradeflow.telling.language import t
from tradeflow.telling.names import name_area, name_substance
from tradeflow.telling.wording import say_company_rule


def tell_leads(company: CompanyFile) -> Section:
    """The leads that name the company."""
    columns = [
        Column(t("Rank"), "count"),
        Column(t("Score"), "count"),
        Column(t("What")),
        Column(t("Period"), "period"),
        Column(t("Signal"), "long"),
    ]
    rows = [
        [row["lead_rank"], row["lead_score"], say_company_rule(row["rule"]), row["period"], row["signal_reason"]]
        for row in company.leads.iter_rows(named=True)
    ]
    return Section(t("Leads"), columns, rows, none=t("No lead names this company."))


def tell_names(company: CompanyFile) -> Section:
    """How it is written."""
    columns = [
        Column(t("Name"), "long"),
        Column(t("Country"), "code"),
        Column(t("Number"), "code"),
        Column(t("Address"), "long"),
        Column(t("Mentions"), "count"),
    ]
    wanted = ["party_name", "party_country", "tax_number", "party_address", "mention_count"]
    return Section(t("Names as written"), columns, _rows(company.names, wanted))


def tell_joined(company: CompanyFile) -> Section:
    """Why spellings were held to be one company."""
    columns = [
        Column(t("One name"), "long"),
        Column(t("Other name"), "long"),
        Column(t("Held to be one")),
        Column(t("Why"), "long"),
        Column(t("By")),
    ]
    rows = [
        [row["left_name"], row["right_name"], t("yes") if row["is_merged"] else t("no"), row["link_reason"], t(row["link_source"])]
        for row in company.joined.iter_rows(named=True)
    ]
    return Section(t("How the names were joined"), columns, rows, none=t("Only one spelling is known."), most_on_paper=30)


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


def tell_links(company: CompanyFile) -> Section:
    """Who it is tied to."""
    columns = [
        Column(t("Company"), "long"),
        Column(t("Tie")),
        Column(t("First"), "period"),
        Column(t("Last"), "period"),
        Column(t("Declarations"), "count"),
        Column(t("Weight"), "kg"),
        Column(t("Substances"), "long"),
    ]
    rows = [
        [
            company.called.get(row["other_id"], row["other_id"]),
            t(LINK_WORDS.get(row["link_kind"], row["link_kind"])),
            row["first_period"],
            row["last_period"],
            row["declaration_count"],
            row["net_weight_kg"],
            _substances(row["substances"]),
        ]
        for row in company.links.iter_rows(named=True)
    ]
    return Section(t("Partners and brokers"), columns, rows, none=t("No tie to another company."))


def tell_upstream(company: CompanyFile) -> Section:
    """Who stands behind what it received."""
    columns = [
        Column(t("Step"), "count"),
        Column(t("Sender"), "long"),
        Column(t("Receiver"), "long"),
        Column(t("Substance")),
        Column(t("First"), "date"),
        Column(t("Last"), "date"),
        Column(t("Declarations"), "count"),
        Column(t("Weight"), "kg"),
    ]
    rows = [
        [
            row["step_count"],
            _called(company, row["entity_id"]),
            _called(company, row["linked_entity_id"]),
            name_substance(row["substance_code"]),
            row["first_date"],
            row["last_date"],
            row["declaration_count"],
            row["net_weight_kg"],
        ]
        for row in company.upstream.iter_rows(named=True)
    ]
    intro = t("Who stands behind what the company received: its senders, who had sent to these before they sent on, and so forth.")
    return Section(t("Upstream"), columns, rows, intro, t("Nobody is declared to have sent anything watched to it."))


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


def tell_shares(company: CompanyFile) -> Section:
    """What share of trade it brokers."""
    columns = [
        Column(t("Substance")),
        Column(t("Area")),
        Column(t("Twelve months to"), "period"),
        Column(t("Share"), "share"),
        Column(t("Expected"), "share"),
        Column(t("Companies"), "count"),
    ]
    rows = [
        [
            name_substance(row["substance_code"]),
            name_area(row["reporter_code"]),
            row["period"],
            row["share_ratio"],
            row["expected_share_ratio"],
            row["company_count"],
        ]
        for row in company.shares.head(24).iter_rows(named=True)
    ]
    return Section(t("Share as a broker"), columns, rows, none=t("It brokers nothing watched."))


def tell_months(company: CompanyFile) -> Section:
    """What it traded by month, beside what was expected."""
    columns = [
        Column(t("Period"), "period"),
        Column(t("Role")),
        Column(t("Substance")),
        Column(t("Declarations"), "count"),
        Column(t("Weight"), "kg"),
        Column(t("Expected"), "kg"),
        Column(t("Interval from"), "kg"),
        Column(t("to"), "kg"),
        Column(t("Value"), "usd"),
    ]
    rows = [
        [
            row["period"],
            t(PARTY_WORDS.get(row["party_role"], row["party_role"])),
            name_substance(row["substance_code"]),
            row["declaration_count"],
            row["net_weight_kg"],
            row["expected_kg"],
            row["lower_kg"],
            row["upper_kg"],
            row["value_usd"],
        ]
        for row in company.months.sort("period", "substance_code", "party_role", descending=[True, False, False]).iter_rows(named=True)
    ]
    return Section(t("Trade by month and substance"), columns, rows, none=t("No trade in watched substances."))


def tell_items(company: CompanyFile) -> Section:
    """Its newest declared items."""
    columns = [
        Column(t("Date"), "date"),
        Column(t("Declaration"), "code"),
        Column(t("Importer"), "long"),
        Column(t("Exporter"), "long"),
        Column(t("Substance")),
        Column(t("Named")),
        Column(t("Weight"), "kg"),
        Column(t("Value"), "usd"),
        Column(t("Snapshot and row"), "code"),
    ]
    rows = [
        [
            row["declaration_date"],
            row["declaration_id"],
            _called(company, row["importer_entity_id"]),
            _called(company, row["exporter_entity_id"]),
            name_substance(row["substance_code"]),
            t(NAMED_BY_WORDS[row["named_by"]]),
            row["net_weight_kg"],
            row["value_usd"],
            f"{row['snapshot_id']}:{row['row_number']}",
        ]
        for row in company.items.iter_rows(named=True)
    ]
    intro = t("The newest {shown} of {count} declared items of watched substances.", shown=len(rows), count=company.item_count)
    return Section(t("Declarations"), columns, rows, intro if rows else "", t("None."))


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
    return Section(
        t("Data versions"),
        [Column(t("Table")), Column(t("Version"), "code")],
        [[name, str(version)] for name, version in sorted(versions.items())],
    )


def _rows(frame: pl.DataFrame, columns: Iterable[str]) -> list[list[Any]]:
    return [list(row) for row in frame.select(columns).rows()]


def _called(company: CompanyFile, entity_id: str | None) -> str:
    return t("not named") if entity_id is None else company.called.get(entity_id, entity_id)


def _substances(codes: str | None) -> str:
    return ", ".join(str(name_substance(code)) for code in (codes or "").split(";") if code)
