"""Companies, declarations, ties, licences and leads as FollowTheMoney entities, JSON lines, for Aleph, yente and their like.

A declared item is an EconomicActivity, which FollowTheMoney labels "Customs declaration"; it has no property for weights, so
kilograms stand in the summary. A flagged lead is a Risk with the topic `export.risk` (trade risk) and no other: it is no finding, and
nothing here says crime. Ids are stable over runs; all values are text, countries ISO 3166 alpha-2 in lower case.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from tradeflow.contract import load_codelist
from tradeflow.telling.company_graph import CompanyRecords
from tradeflow.telling.names import commodity_names, substance_names
from tradeflow.telling.wording import say_rule

PUBLISHER = "tradeflow"
_LONGEST = {"name": 384, "alias": 384, "taxNumber": 64, "ccdNumber": 64, "address": 250}
"""What the schema cuts or refuses beyond; other texts reach 65,000 signs."""
_LONGEST_TEXT = 1_024
_LINK_WORDS = {
    "traded_with": "supplier of", "brokered_by": "declared through", "consigned_to": "importer for consignee",
    "notified_with": "importer with party to be notified", "shares_address": "same address", "shares_number": "same number",
}  # fmt: skip
_LICENCE_WORDS = {
    "import": "Import licence", "export": "Export licence", "trade": "Licence to trade", "end_use_declaration": "End-use declaration",
    "white_list": "White list entry",
}  # fmt: skip


def write_follow_the_money(path: Path, records: CompanyRecords) -> int:
    """Write one entity a line; return how many."""
    count = 0
    with path.open("w", encoding="utf-8") as file:
        for count, entity in enumerate(list_entities(records), 1):  # noqa: B007 (the last one is how many)
            file.write(json.dumps(entity, ensure_ascii=False) + "\n")
    return count


def list_entities(records: CompanyRecords) -> Iterator[dict[str, object]]:
    """Yield every entity as {"id", "schema", "properties"}; a property that is not known is left out."""
    yield from _yield_schema("Company", _tell_companies(records))
    yield from _yield_schema("EconomicActivity", _tell_items(records.company_item))
    yield from _yield_schema("UnknownLink", _tell_links(records.company_link))
    if not records.licensed_operator.is_empty():
        yield from _yield_schema("PublicBody", _tell_authorities(records.licensed_operator))
        yield from _yield_schema("License", _tell_licences(records.licensed_operator))
        yield from _yield_schema("UnknownLink", _tell_holders(records.licensed_operator))
    yield from _yield_schema("Risk", _tell_risks(records.company_signal.filter("is_flagged")))


def _yield_schema(schema: str, entities: pl.DataFrame) -> Iterator[dict[str, object]]:
    plain = entities.with_columns(_plain_texts(entities))
    for row in plain.iter_rows(named=True):
        told = {name: value if isinstance(value, list) else [value] for name, value in row.items() if name != "id" and value}
        yield {"id": row["id"], "schema": schema, "properties": told}


def _plain_texts(entities: pl.DataFrame) -> list[pl.Expr]:
    """One space between words, no control signs, cut to what the schema holds; an empty text is none."""
    plain = []
    for name, dtype in entities.drop("id").schema.items():
        longest = _LONGEST.get(name, _LONGEST_TEXT)
        if isinstance(dtype, pl.List):
            each = _plain(pl.element(), longest)
            plain.append(pl.col(name).list.eval(each.filter(each != "")).list.unique(maintain_order=True))
        else:
            plain.append(_plain(pl.col(name), longest))
    return plain


def _plain(text: pl.Expr, longest: int) -> pl.Expr:
    return text.str.replace_all(r"[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\s]+", " ").str.strip_chars().str.slice(0, longest).str.strip_chars()


def _company(column: str) -> pl.Expr:
    return pl.lit(f"{PUBLISHER}-company-") + pl.col(column)


def _digest_rows(table: pl.DataFrame, columns: list[str]) -> pl.Series:
    """Hash what names a row, as FollowTheMoney's own ids are made (SHA-1), so that the same row has the same id in every run."""
    told = table.select(pl.concat_str([pl.col(name).cast(pl.String).fill_null("") for name in columns], separator="\x1f")).to_series()
    return pl.Series("_digest", [hashlib.sha1(each.encode()).hexdigest() for each in told], pl.String)


def _country(iso3: str) -> pl.Expr:
    areas = load_codelist("area").drop_nulls(["iso2", "iso3"])
    return pl.col(iso3).replace_strict(areas["iso3"], areas["iso2"].str.to_lowercase(), default=None, return_dtype=pl.String)


def _area(area_code: str) -> pl.Expr:
    areas = load_codelist("area").drop_nulls("iso2")
    return pl.col(area_code).replace_strict(areas["area_code"], areas["iso2"].str.to_lowercase(), default=None, return_dtype=pl.String)


def _month(period: str) -> pl.Expr:
    return pl.format("{}-{}", pl.col(period) // 100, (pl.col(period) % 100).cast(pl.String).str.zfill(2))


def _substance(column: str = "substance_code") -> pl.Expr:
    return pl.col(column).replace_strict(substance_names(), default=pl.col(column), return_dtype=pl.String)


def _round(number: str) -> pl.Expr:
    return pl.col(number).round_sig_figs(4).cast(pl.String).str.replace(r"\.0$", "")


def _tell_companies(records: CompanyRecords) -> pl.DataFrame:
    """Addresses and spellings are those of all sources; the number is one that is no placeholder."""
    spelled = records.entity_name.group_by("entity_id").agg(
        pl.col("party_name").drop_nulls().sort().alias("alias"), pl.col("party_address").drop_nulls().sort().alias("address")
    )
    joined = records.entity.filter(pl.col("merged_into_id").is_null()).join(spelled, on="entity_id", how="left")
    return joined.select(
        _company("entity_id").alias("id"),
        name=pl.coalesce("entity_name", "entity_id"),
        alias=pl.col("alias").list.set_difference(pl.concat_list("entity_name")),
        country=_country("party_country"),
        taxNumber="entity_number",
        address="address",
    ).sort("id")


def _tell_items(company_item: pl.DataFrame) -> pl.DataFrame:
    """One activity per declared item, whatever number of watched substances it is named by."""
    place = ["source", "reporter_code", "declaration_id", "item_number"]
    items = company_item.sort("substance_code").group_by(place, maintain_order=True).agg(
        pl.all().exclude("substance_code", "named_by").first(), _substance().str.join(", ").alias("_substances")
    )  # fmt: skip
    is_export = pl.col("flow_code") == "X"
    weight = pl.when(pl.col("net_weight_kg").is_not_null()).then(pl.format("{} kg", _round("net_weight_kg"))).otherwise(pl.lit("no weight"))
    direction = pl.when(is_export).then(pl.lit("export")).otherwise(pl.lit("import"))
    return items.with_columns(_digest_rows(items, place)).select(
        (pl.lit(f"{PUBLISHER}-item-") + pl.col("_digest")).alias("id"),
        summary=pl.format("Declared {}: {}, {}", direction, weight, "_substances"),
        ccdNumber="declaration_id",
        ccdValue=pl.format("{} USD", _round("value_usd")),
        date=pl.col("declaration_date").cast(pl.String),
        directionOfTransportation=direction,
        goodsDescription="description",
        vedCode="hs6_code",
        vedCodeDescription=pl.col("hs6_code").replace_strict(commodity_names(), default=None, return_dtype=pl.String),
        sender=_company("exporter_entity_id"),
        receiver=pl.concat_list(_company("importer_entity_id"), _company("consignee_entity_id")).list.drop_nulls(),
        declarant=_company("broker_entity_id"),
        originCountry=_area("origin_code"),
        departureCountry=pl.when(is_export).then(_area("reporter_code")).otherwise(_area("departure_code")),
        destinationCountry=pl.when(~is_export).then(_area("reporter_code")),
        publisher="source",
    ).sort("id")  # fmt: skip


def _tell_links(company_link: pl.DataFrame) -> pl.DataFrame:
    told = company_link.with_columns(pl.col("link_kind").replace_strict(_LINK_WORDS).alias("_role"))
    summary = pl.format("{} declarations, {} kg: {}", "declaration_count", _round("net_weight_kg").fill_null("no weight in"), "substances")
    return told.select(
        pl.format("tradeflow-link-{}-{}-{}", "link_kind", "entity_id", "linked_entity_id").alias("id"),
        subject=_company("entity_id"),
        object=_company("linked_entity_id"),
        role="_role",
        startDate=_month("first_period"),
        endDate=_month("last_period"),
        summary=summary,
    )


def _authority() -> pl.Expr:
    return pl.lit(f"{PUBLISHER}-authority-") + pl.col("operator_country").str.to_lowercase()


def _tell_authorities(licensed_operator: pl.DataFrame) -> pl.DataFrame:
    """The schema wants an authority and the tables name none: one per country, called what it is."""
    return licensed_operator.select(
        _authority().alias("id"), name=pl.format("Licensing authority ({})", "operator_country"), country=_country("operator_country")
    ).unique().sort("id")  # fmt: skip


def _tell_licences(licensed_operator: pl.DataFrame) -> pl.DataFrame:
    kind = pl.col("licence_kind").replace_strict(_LICENCE_WORDS)
    until = pl.col("valid_to").cast(pl.String).fill_null("no stated end")
    limit = pl.when(pl.col("annual_limit_kg").is_not_null()).then(pl.format(", at most {} kg a year", _round("annual_limit_kg")))
    return licensed_operator.with_columns(_digest_rows(licensed_operator, _LICENCE)).select(
        (pl.lit(f"{PUBLISHER}-licence-") + pl.col("_digest")).alias("id"),
        name=pl.format("{} {}", kind, pl.col("licence_number").fill_null("without a number")),
        authority=_authority(),
        type="licence_kind",
        commodities=_substance().fill_null("all watched substances"),
        contractDate=pl.col("valid_from").cast(pl.String),
        summary=pl.format("Valid from {} to {}{}", pl.col("valid_from").cast(pl.String), until, limit.fill_null("")),
        country=_country("operator_country"),
    ).unique("id").sort("id")  # fmt: skip


_LICENCE = ["entity_id", "licence_kind", "licence_number", "substance_code", "valid_from"]


def _tell_holders(licensed_operator: pl.DataFrame) -> pl.DataFrame:
    told = licensed_operator.with_columns(_digest_rows(licensed_operator, _LICENCE)).drop_nulls("entity_id")
    return told.select(
        (pl.lit(f"{PUBLISHER}-holder-") + pl.col("_digest")).alias("id"),
        subject=_company("entity_id"),
        object=pl.lit(f"{PUBLISHER}-licence-") + pl.col("_digest"),
        role=pl.lit("holder of the licence"),
        startDate=pl.col("valid_from").cast(pl.String),
        endDate=pl.col("valid_to").cast(pl.String),
    ).unique("id").sort("id")  # fmt: skip


def _tell_risks(flagged: pl.DataFrame) -> pl.DataFrame:
    words = {rule: say_rule(rule) for rule in flagged["rule"].unique()}
    return flagged.select(
        (pl.lit(f"{PUBLISHER}-risk-") + pl.col("signal_id")).alias("id"),
        entity=_company("entity_id"),
        topics=pl.lit("export.risk"),
        reason="signal_reason",
        status=pl.lit("lead from trade records, not a finding"),
        program=pl.col("rule").replace_strict(words, return_dtype=pl.String),
        date=_month("period"),
        summary=pl.format("Lead {} by rank, score {} of 100", "lead_rank", _round("lead_score")),
        recordId="signal_id",
        publisher=pl.lit(PUBLISHER),
    )
