"""The sections of a dossier on what a company traded, and with whom."""

from __future__ import annotations

from tradeflow.serve.dossier.shape import Column, Section
from tradeflow.serve.page_words import LINK_WORDS, NAMED_BY_WORDS, PARTY_WORDS
from tradeflow.serve.queries.company import CompanyFile
from tradeflow.telling.language import t
from tradeflow.telling.names import name_area, name_substance


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
        for row in company.shares.iter_rows(named=True)
    ]
    return Section(t("Share as a broker"), columns, rows, none=t("It brokers nothing watched."), most_on_paper=12)


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
    return Section(t("Trade by month and substance"), columns, rows, none=t("No trade in watched substances."), most_on_paper=36)


def tell_items(company: CompanyFile) -> Section:
    """Its newest declared items."""
    columns = [
        Column(t("Date"), "date"),
        Column(t("Declaration"), "code"),
        Column(t("Importer"), "long"),
        Column(t("Exporter"), "long"),
        Column(t("Substance"), "long"),
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
    return Section(t("Declarations"), columns, rows, say_items(company) if rows else "", t("None."), most_on_paper=30)


def say_items(company: CompanyFile) -> str:
    """Say how many of the company's declared items the dossier holds, and where the others are."""
    shown, count = company.items.height, company.item_count
    if shown == count:
        return t("All declared items of watched substances ({count}), the newest first.", count=f"{count:,}")
    told = t("The newest {shown} of {count} declared items of watched substances.", shown=f"{shown:,}", count=f"{count:,}")
    return told + " " + t("All of them stand in the lake’s table company_item.")


def _called(company: CompanyFile, entity_id: str | None) -> str:
    return t("not named") if entity_id is None else company.called.get(entity_id, entity_id)


def _substances(codes: str | None) -> str:
    return ", ".join(str(name_substance(code)) for code in (codes or "").split(";") if code)
