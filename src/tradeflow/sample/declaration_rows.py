"""One month of one country as its customs keeps it: a row per declared item, dressed with names, numbers, words and places."""

import numpy as np
import polars as pl

from tradeflow.sample.business import TRADING, load_goods
from tradeflow.sample.chance import Ints, hash_uniform
from tradeflow.sample.documents import EXPORT, FLOWS, IMPORT, RE_EXPORT, RE_IMPORT, edition_in_use
from tradeflow.sample.goods_words import FIRST_ORDINARY, WORDINGS, language_of
from tradeflow.sample.ordinary_trade import choose_goods
from tradeflow.sample.papers import Customs, paper_number, print_numbers
from tradeflow.sample.register import SPELLINGS, Register
from tradeflow.sample.shipments import NO_HUB
from tradeflow.sample.trading import BY_SEA, add_habits

_MODES = ("sea", "road", "air")
_EDITIONS = np.array(["H4", "H5", "H6"])
_HEAD = ["number", "reporter", "flow", "day", "partner_place", "origin_place", "buyer_company", "seller_company", "local_company",
         "broker_company", "office", "mode"]  # fmt: skip
_GOODS = ["goods_key", "hs6", "kg", "fob", "cif", "words", "tare_rate"]
COLUMNS = (
    "reporter_code", "flow_code", "declaration_id", "item_number", "declaration_date", "importer_id", "importer_name", "importer_address",
    "exporter_id", "exporter_name", "exporter_address", "declarant_id", "declarant_name", "consignee_id", "consignee_name",
    "notify_party_id", "notify_party_name", "origin_code", "consignment_code", "departure_code", "national_code", "hs6_code",
    "hs_revision", "description", "net_weight_kg", "gross_weight_kg", "cif_value_usd", "fob_value_usd", "office", "port",
    "transport_mode",
)  # fmt: skip
"""Columns of a written declaration file, in the names of the contract source_customs_declaration."""


def list_paper_items(customs: Customs, papers: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """The items of a month's papers: a paper in parts has a declaration for each; some name their goods in two items, some add others."""
    heads = _part_papers(customs, papers, rng)
    turn = rng.random(len(heads))
    halves = np.where((turn < 0.1) & (heads["kg"].to_numpy() > 50), rng.uniform(0.3, 0.7, len(heads)), 1.0)
    whole = heads.with_columns(item_number=pl.lit(1, pl.Int64), **_share(pl.Series(halves)))
    is_split = pl.Series(halves < 1.0)
    second = heads.filter(is_split).with_columns(item_number=pl.lit(2, pl.Int64), **_share(pl.Series(1.0 - halves).filter(is_split)))
    added = _add_goods(customs, heads.filter(pl.Series(turn > 0.88)), rng)
    columns = [*_HEAD, "item_number", *_GOODS]
    return pl.concat([whole.select(columns), second.select(columns), added.select(columns)])


def _share(share: pl.Series) -> dict[str, pl.Expr]:
    return {name: pl.col(name) * share for name in ("kg", "fob", "cif")}


def _part_papers(customs: Customs, papers: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """One row per declaration. Parts of one consignment are nearly equal and come one after the other within `span_days`."""
    count = papers["parts"].to_numpy()
    part = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    row = np.repeat(np.arange(len(papers)), count)
    spread = np.where(count[row] > 1, rng.uniform(0.97, 1.03, len(row)), 1.0)
    share = spread / np.bincount(row, spread, minlength=len(papers))[row] if len(row) else spread
    later = np.where(count[row] > 1, papers["span_days"].to_numpy()[row] * part // np.maximum(count[row] - 1, 1), 0)
    parted = papers[row].with_columns(_part=pl.Series(part, dtype=pl.Int64), **_share(pl.Series(share)))
    ends = customs.offices.clock.month_start[parted["month"].to_numpy() + 1] - 1
    starts = np.minimum(parted["day"].to_numpy(), ends - parted["span_days"].to_numpy())
    return parted.with_columns(
        day=pl.Series(np.minimum(starts + later, ends).astype(np.int64)),
        number=paper_number(pl.col("_part")),
        origin_place=pl.col("partner_place"),
        partner_place=pl.when(_is_sold_in_hub()).then("hub").otherwise("partner_place").cast(pl.Int64),
        hs6=pl.col("code").cast(pl.String).str.zfill(6),
    )


def _is_sold_in_hub() -> pl.Expr:
    """Whether an import was bought from a trader in a hub: consigned from there, whatever its origin."""
    return pl.col("is_entrepot") & (pl.col("hub") != NO_HUB) & (pl.col("flow") == IMPORT) & (pl.col("hub") != pl.col("reporter"))


def _add_goods(customs: Customs, heads: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """An item of ordinary goods on a paper of something else."""
    return _with_ordinary_goods(customs, heads, rng).with_columns(item_number=pl.lit(3, pl.Int64))


def _with_ordinary_goods(customs: Customs, heads: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    key, kg, fob = choose_goods(customs.market, heads["local_company"].to_numpy(), rng)
    codes = np.array([goods.code for goods in load_goods()])
    return heads.with_columns(
        goods_key=pl.Series(key, dtype=pl.Int32),
        hs6=pl.Series(codes[key - FIRST_ORDINARY]),
        kg=pl.Series(kg),
        fob=pl.Series(fob),
        cif=pl.Series(fob * rng.uniform(1.03, 1.14, len(heads))),
        words=pl.lit(None, pl.String),
        tare_rate=pl.lit(None, pl.Float64),
    )


def list_ordinary_items(customs: Customs, heads: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """The items of a month's other declarations; a company is used to one broker, one office, one way."""
    numbered = heads.with_columns(
        kg=pl.lit(1_000.0),
        number=(pl.col("month") * 100_000_000 + pl.int_range(pl.len())) * 2 + 1,
        origin_place=pl.col("partner_place"),
    )
    placed = add_habits(customs.market, numbered, rng)
    lines = placed["lines"].to_numpy()
    row = np.repeat(np.arange(len(placed)), lines)
    number = np.arange(lines.sum()) - np.repeat(np.cumsum(lines) - lines, lines) + 1
    goods = _with_ordinary_goods(customs, placed[row], rng)
    return goods.with_columns(item_number=pl.Series(number, dtype=pl.Int64)).select(*_HEAD, "item_number", *_GOODS)


def dress_items(customs: Customs, items: pl.DataFrame, month: int, rng: np.random.Generator) -> pl.DataFrame:
    """Write the items out in COLUMNS, sorted by day and number."""
    areas, market = customs.offices.areas, customs.market
    reporter = items["reporter"].to_numpy().astype(np.int64)
    edition = edition_in_use(customs.offices.habits, reporter, np.full(len(items), month))
    is_inward = pl.col("flow").is_in([IMPORT, RE_IMPORT])
    here, there, origin = (pl.Series(areas.code[items[name].to_numpy()]) for name in ("reporter", "partner_place", "origin_place"))
    dressed = items.with_columns(
        reporter_code=here,
        flow_code=pl.col("flow").replace_strict(dict(enumerate(FLOWS)), return_dtype=pl.String),
        declaration_id=print_numbers(here.to_numpy(), items["number"].to_numpy()),
        declaration_date=(pl.col("day") - 719_163).cast(pl.Int32).cast(pl.Date),
        origin_code=pl.when(is_inward).then(origin),
        consignment_code=there,
        departure_code=pl.when(is_inward).then(there).otherwise(here),
        national_code=pl.col("hs6") + pl.Series(_national_digits(items, reporter)),
        hs6_code=pl.col("hs6"),
        hs_revision=pl.Series(_EDITIONS[edition]),
        description=_describe(customs, items, reporter, rng),
        net_weight_kg=pl.col("kg").round(3),
        gross_weight_kg=(pl.col("kg") * (1 + pl.col("tare_rate").fill_null(pl.Series(rng.uniform(0.02, 0.12, len(items)))))).round(3),
        cif_value_usd=pl.when(is_inward).then(pl.col("cif").round(2)),
        fob_value_usd=pl.col("fob").round(2),
        office=pl.format("{}-{}", pl.Series(np.array(areas.iso)[reporter]), pl.col("office").cast(pl.String).str.zfill(2)),
        port=pl.Series(np.array(areas.iso)[items["partner_place"].to_numpy()]) + pl.Series(rng.choice(["01", "02", "03"], len(items))),
        transport_mode=pl.Series(np.array(_MODES)[items["mode"].to_numpy()]),
        **_name_parties(market.register, items, customs.seed, rng),
    )
    return dressed.sort("declaration_date", "declaration_id", "item_number").select(COLUMNS)


def _national_digits(items: pl.DataFrame, reporter: Ints) -> np.ndarray:
    """The two digits that a country adds to a subheading, one or two lines for each."""
    line = 10 * np.floor(1 + 2 * hash_uniform(0, "tariff line", reporter, items["goods_key"].to_numpy())).astype(np.int64)
    return line.astype(str)


def _describe(customs: Customs, items: pl.DataFrame, reporter: Ints, rng: np.random.Generator) -> pl.Series:
    language = language_of(customs.offices.areas)[reporter]
    asked = items.select(
        pl.col("goods_key").cast(pl.Int32),
        pl.Series("language", language, dtype=pl.Int32),
        pl.Series("wording", rng.integers(0, WORDINGS, len(items)), dtype=pl.Int32),
        "words",
    )
    written = asked.join(customs.phrases, on=["goods_key", "language", "wording"], how="left", maintain_order="left")
    return written.select(pl.coalesce("words", "description").alias("description"))["description"]


def _name_parties(register: Register, items: pl.DataFrame, seed: int, rng: np.random.Generator) -> dict[str, pl.Series]:
    """Names, numbers and addresses as this declaration's clerk writes them; numbers are for companies of the country, mostly."""
    count = len(items)
    buyer, seller, broker, local = (
        items[name].to_numpy() for name in ("buyer_company", "seller_company", "broker_company", "local_company")
    )
    # All items of one declaration are written by one clerk.
    clerk = items["number"].to_numpy()
    consignee = _consignees(register, items, seed)
    named = {
        **_party(register, "importer", buyer, buyer == local, clerk, seed),
        **_party(register, "exporter", seller, seller == local, clerk, seed),
        **_party(register, "declarant", broker, np.ones(count, dtype=bool), clerk, seed),
        **_party(register, "consignee", consignee, buyer == local, clerk, seed),
        **_party(register, "notify_party", _notified(items, seed), np.ones(count, dtype=bool), clerk, seed),
    }
    return {name: column for name, column in named.items() if name in COLUMNS}


def _party(register: Register, role: str, company: Ints, is_local: np.ndarray, clerk: Ints, seed: int) -> dict[str, pl.Series]:
    turn = hash_uniform(seed, f"spelling of {role}", clerk)
    spelling = company * SPELLINGS + np.where(turn < 0.62, 0, np.floor((turn - 0.62) / 0.38 * (SPELLINGS - 1)) + 1).astype(np.int64)
    has_number = hash_uniform(seed, f"number of {role}", clerk) < np.where(is_local, 0.97, 0.12)
    is_named = company >= 0
    has_address = is_named & (hash_uniform(seed, f"address of {role}", clerk) < np.where(is_local, 0.95, 0.6))
    return {
        f"{role}_id": register.look_up(register.number, company, is_named & has_number),
        f"{role}_name": register.look_up(register.names, spelling, is_named),
        f"{role}_address": register.look_up(register.addresses, spelling, has_address),
    }


def _consignees(register: Register, items: pl.DataFrame, seed: int) -> Ints:
    """Mostly the importer again, or nobody; some companies let their goods come to another one."""
    buyer, clerk = items["buyer_company"].to_numpy(), items["number"].to_numpy()
    sister = register.pick(register.country[buyer], np.full(len(buyer), register.lines.index(TRADING)), hash_uniform(seed, "sister", buyer))
    has_sister = hash_uniform(seed, "has sister", buyer) < 0.06
    is_written = hash_uniform(seed, "writes consignee", clerk) < 0.5
    found: Ints = np.select([has_sister, is_written], [sister, buyer], default=-1)
    return found


def _notified(items: pl.DataFrame, seed: int) -> Ints:
    """The broker, for some of what comes by sea."""
    is_told = (items["mode"].to_numpy() == BY_SEA) & (hash_uniform(seed, "tells broker", items["number"].to_numpy()) < 0.3)
    is_told &= ~np.isin(items["flow"].to_numpy(), (EXPORT, RE_EXPORT))
    found: Ints = np.where(is_told, items["broker_company"].to_numpy(), -1)
    return found
