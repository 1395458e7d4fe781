"""A company's dossier in words: the same for paper and for the spreadsheet."""

from __future__ import annotations

from datetime import UTC, datetime

from tradeflow.serve.dossier.names import spell_in_latin, tell_joined, tell_names
from tradeflow.serve.dossier.shape import Dossier
from tradeflow.serve.dossier.standing import tell_decisions, tell_leads, tell_licences, tell_notifications, tell_roles, tell_versions
from tradeflow.serve.dossier.trade import tell_items, tell_links, tell_months, tell_shares, tell_upstream
from tradeflow.serve.queries.company import CompanyFile
from tradeflow.serve.visit import Visit
from tradeflow.telling.language import t
from tradeflow.telling.wording import READING_NOTE


def describe_company(company: CompanyFile, visit: Visit) -> Dossier:
    """Write a company's dossier."""
    name = company.entity["entity_name"] or company.entity_id
    sections = [
        tell_leads(company, visit.language),
        tell_names(company),
        tell_joined(company, visit.language),
        tell_roles(company),
        tell_licences(company),
        tell_links(company),
        tell_upstream(company),
        tell_notifications(company),
        tell_shares(company),
        tell_months(company),
        tell_items(company),
        tell_decisions(company, visit),
        tell_versions(visit),
    ]
    return Dossier(str(name), _facts(company, visit), t(READING_NOTE), sections)


def _facts(company: CompanyFile, visit: Visit) -> list[tuple[str, str]]:
    entity, purpose, manifest = company.entity, visit.purpose, visit.release.manifest
    facts = [
        (t("In Latin letters"), spell_in_latin(entity["entity_name"])),
        (t("Country"), entity["party_country"]),
        (t("Number"), entity["entity_number"]),
        (t("Id"), entity["entity_id"]),
        (t("Release"), visit.release_id),
        (t("Data as of"), manifest.get("as_of") or manifest.get("made_at")),
        (t("Code version"), manifest.get("code_version")),
        (t("Written on"), datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")),
        (t("Written for"), visit.person.name),
        (t("Case number"), purpose.case_number if purpose else None),
        (t("Purpose"), purpose.purpose if purpose else None),
    ]
    if manifest.get("is_simulated"):
        facts.append((t("Simulated"), t("Every figure and name here is made up.")))
    return [(fact, str(text)) for fact, text in facts if text]
