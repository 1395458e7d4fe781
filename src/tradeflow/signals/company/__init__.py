"""Leads on companies and their declarations: company tables in; `company_signal`, its evidence and `signal_declaration` out."""

from tradeflow.signals.company.country import link_declarations
from tradeflow.signals.company.evidence import collect_company_evidence
from tradeflow.signals.company.lead import CompanyRankOptions, rank_company_leads, select_company_signals
from tradeflow.signals.company.rules import COMPANY_RULES, company_rule_meanings, propose_company_candidates
from tradeflow.signals.company.tables import CompanyTables, JudgedMonths, Tolerances

__all__ = [
    "COMPANY_RULES",
    "CompanyRankOptions",
    "CompanyTables",
    "JudgedMonths",
    "Tolerances",
    "collect_company_evidence",
    "company_rule_meanings",
    "link_declarations",
    "propose_company_candidates",
    "rank_company_leads",
    "select_company_signals",
]
