"""The sections of a dossier on how a company is written, and why its spellings are held to be one; in brief for paper."""

from __future__ import annotations

import re
from typing import Any

import polars as pl
from anyascii import anyascii

from tradeflow.serve.dossier.shape import Column, Section
from tradeflow.serve.page_words import PARTY_WORDS
from tradeflow.serve.queries.company import CompanyFile
from tradeflow.serve.translations import retell
from tradeflow.telling.language import t

_FOREIGN = re.compile(r"[^\W\d_\u0000-\u024f\u1e00-\u1eff]")
"""A letter that is of none of Unicode's blocks of Latin ones."""
_EXAMPLES = 3


def spell_in_latin(text: str | None) -> str | None:
    """Return a text in Latin letters, letter by letter; None where it stands in them already."""
    return anyascii(text).strip() if text and _FOREIGN.search(text) else None


def tell_names(company: CompanyFile) -> Section:
    """How the company is written: each name, country, number and address; in brief each name once."""
    columns = [
        Column(t("Name"), "long"),
        Column(t("In Latin letters"), "long"),
        Column(t("Country"), "code"),
        Column(t("Number"), "code"),
        Column(t("Address"), "long"),
        Column(t("Named as"), "long"),
        Column(t("Mentions"), "count"),
    ]
    written = [_tell_name(row) for row in company.names.iter_rows(named=True)]
    once = company.names.group_by("party_name", maintain_order=True).agg(
        pl.col("party_country").drop_nulls().unique().sort(),
        pl.col("tax_number").drop_nulls().unique().sort(),
        pl.col("party_address").drop_nulls().unique().sort(),
        *(pl.col(f"{role}_count").sum() for role in _ROLES),
        pl.col("mention_count").sum(),
    )
    brief = [_tell_name(_with_few(row)) for row in once.sort("mention_count", descending=True, maintain_order=True).iter_rows(named=True)]
    intro = t("Each spelling once; the spreadsheet has each with its numbers and addresses.") if len(brief) < len(written) else ""
    return _without_empty(Section(t("Names as written"), columns, written, brief=Section(t("Names as written"), columns, brief, intro)))


def tell_joined(company: CompanyFile, language: str) -> Section:
    """Why spellings were held to be one company: each pair; in brief a row for each reason, with the pairs that are least alike."""
    title, none = t("How the names were joined"), t("Only one spelling is known.")
    columns = [
        Column(t("One name"), "long"),
        Column(t("Other name"), "long"),
        Column(t("Held to be one")),
        Column(t("Why"), "long"),
        Column(t("By")),
    ]
    pairs = company.joined.with_columns(pl.col("link_reason").str.split("; ").list.first().alias("reason"))
    rows = [
        [row["left_name"], row["right_name"], _yes(row["is_merged"]), _retold(row["link_reason"], language), t(row["link_source"])]
        for row in pairs.iter_rows(named=True)
    ]
    by_likeness = pairs.sort("name_similarity", nulls_last=True, maintain_order=True)
    examples = pl.struct("left_name", "right_name").unique(maintain_order=True).head(_EXAMPLES).alias("examples")
    found = by_likeness.group_by("is_merged", "reason", "link_source", maintain_order=True).agg(pl.len().alias("pairs"), examples)
    brief_columns = [
        Column(t("Held to be one")),
        Column(t("Why"), "long"),
        Column(t("Pairs"), "count"),
        Column(t("The least alike"), "long"),
        Column(t("By")),
    ]
    brief = [
        [_yes(row["is_merged"]), _retold(row["reason"], language), row["pairs"], _tell_pairs(row["examples"]), t(row["link_source"])]
        for row in found.sort("is_merged", "pairs", descending=True, maintain_order=True).iter_rows(named=True)
    ]
    intro = t("One row for each reason; every pair of spellings stands in the spreadsheet.") if rows else ""
    return Section(title, columns, rows, none=none, brief=Section(title, brief_columns, brief, intro, none))


_ROLES = ("importer", "exporter", "broker", "consignee", "notify_party", "licensee")


def _tell_name(row: dict[str, Any]) -> list[Any]:
    roles = ", ".join(f"{t(PARTY_WORDS[role])} {row[f'{role}_count']}" for role in _ROLES if row[f"{role}_count"])
    about = [row["party_name"], spell_in_latin(row["party_name"]) or "", row["party_country"], row["tax_number"], row["party_address"]]
    return [*about, roles, row["mention_count"]]


def _with_few(row: dict[str, Any]) -> dict[str, Any]:
    """Join what one spelling goes with, where it is little, else count it."""
    few = {
        name: ", ".join(row[name]) or None if len(row[name]) <= 2 else t("{count} different", count=len(row[name]))
        for name in ("party_country", "tax_number")
    }
    addresses = row["party_address"]
    few["party_address"] = addresses[0] if len(addresses) == 1 else t("{count} different", count=len(addresses)) if addresses else None
    return row | few


def _without_empty(section: Section) -> Section:
    """Leave the column of Latin letters out where every name stands in them."""
    return section if any(row[1] for row in section.rows) else section.without_column(1)


def _tell_pairs(examples: list[dict[str, str | None]]) -> str:
    return "\n".join(_tell_pair(pair["left_name"] or "–", pair["right_name"] or "–") for pair in examples)


def _tell_pair(one: str, other: str) -> str:
    return t("{name}, written the same", name=one) if one == other else f"{one} = {other}"


def _retold(reason: str, language: str) -> str:
    return retell(reason, language, "link") or reason


def _yes(is_merged: bool) -> str:
    return t("yes") if is_merged else t("no")
