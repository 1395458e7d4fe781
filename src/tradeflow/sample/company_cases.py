"""The cases that are planted in the declarations: nine kinds, each several times and of varying strength, with their truth."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from tradeflow.sample import company_casting as casting
from tradeflow.sample.business import BROKERAGE, DISTRIBUTION, TRADING
from tradeflow.sample.chance import Ints, named_generator
from tradeflow.sample.company_casting import OddLicence, Scene, Told
from tradeflow.sample.documents import EXPORT, IMPORT
from tradeflow.sample.goods_words import LANGUAGES, language_of
from tradeflow.sample.trading import BY_AIR, office_count

# rule|strength|papers|factor: a price factor, a notified share, days, a share of a market, or the way in which it is told
_PLAN = """
misdeclared_goods|strong|2|everyday
misdeclared_goods|strong|1|neighbour
misdeclared_goods|middling|2|synonym
misdeclared_goods|weak|1|number
unit_value_outlier|strong|1|9
unit_value_outlier|strong|2|0.08
unit_value_outlier|middling|1|0.25
unit_value_outlier|weak|1|2.6
unnotified_export|strong|4|0
unnotified_export|middling|2|0.35
unnotified_export|middling|1|objected
unnotified_export|weak|1|0.75
split_consignment|strong|8|12
split_consignment|middling|6|20
split_consignment|middling|4|6
split_consignment|weak|3|25
unlicensed_importer|strong|4|none
unlicensed_importer|middling|3|other
unlicensed_importer|middling|3|expired
unlicensed_importer|weak|2|limit
out_of_profile|strong|3|footwear
out_of_profile|middling|2|toys
out_of_profile|middling|1|food
out_of_profile|weak|1|plastics
family_basket|strong|6|4
family_basket|middling|4|3
family_basket|middling|3|3
family_basket|weak|2|2
broker_bottleneck|strong|7|0.9
broker_bottleneck|middling|7|0.65
broker_bottleneck|middling|5|0.8
broker_bottleneck|weak|6|0.45
isolated_declaration|strong|1|3.5
isolated_declaration|middling|1|2.2
isolated_declaration|middling|1|0.45
isolated_declaration|weak|1|1.6
"""
_FEWEST_PAPERS_OF_A_MARKET = 5


@dataclass(frozen=True)
class CompanyPlan:
    """One line of the plan; `papers` counts papers, parts or months."""

    case_id: str
    rule: str
    strength: str
    papers: int
    factor: str
    turn: int


def load_company_plan() -> tuple[CompanyPlan, ...]:
    """All planned cases, numbered in order."""
    plans = []
    for number, line in enumerate(_PLAN.strip().splitlines()):
        rule, strength, papers, factor = line.split("|")
        plans.append(CompanyPlan(f"company-case-{number + 1:02d}", rule, strength, int(papers), factor, number))
    return tuple(plans)


def plant_company_cases(scene: Scene) -> tuple[Scene, list[tuple[CompanyPlan, Told]]]:
    """The scene with the cases in it. A case that finds no place, as can be in a small world, is left out."""
    told = []
    # A broker's share needs a whole market, and a small world has few of them: it comes first.
    for plan in sorted(load_company_plan(), key=lambda plan: plan.rule != "broker_bottleneck"):
        rng = named_generator(scene.customs.seed, plan.case_id)
        happened = _RULES[plan.rule](scene, plan, rng)
        if happened is not None:
            scene = happened.scene
            told.append((plan, happened))
    return scene, sorted(told, key=lambda each: each[0].case_id)


def _misdeclared(scene: Scene, plan: CompanyPlan, rng: np.random.Generator) -> Told | None:
    hosts = casting.other_items(scene, everyday=plan.factor == "everyday")
    papers = casting.of_one(
        casting.at_home(scene, casting.free_papers(scene, IMPORT, hosts), plan.turn), ["local_company", "item"], plan.papers, rng
    )
    if papers.is_empty():
        return None
    rows = _rows(papers)
    goods = scene.customs.market.items
    cover = goods[papers["item"][0]]
    hidden = [place for place in casting.watched_items(scene) if not set(cover.codes) & set(goods[place].codes)]
    item = int(rng.choice(hidden))
    wording = _hidden_words(scene, item, int(papers["reporter"][0]), plan.factor, rng)
    changed = casting.change_papers(scene, rows, **({"goods_key": item} if wording is None else {"words": wording}))
    text = (
        f"the words name {scene.customs.market.items[item].name}, the code is that of {scene.customs.market.items[papers['item'][0]].name}"
    )
    return casting.take(Told(changed, rows, _parties(papers), item, text, casting.kilograms(scene, rows)))


def _hidden_words(scene: Scene, item: int, reporter: int, manner: str, rng: np.random.Generator) -> str | None:
    """A less known name, or the CAS number among other words; None for the usual words of the goods."""
    substance = scene.customs.substances[item]
    language = LANGUAGES[int(language_of(scene.customs.offices.areas)[reporter])]
    if manner == "synonym":
        return str(rng.choice(substance.names.get(language, substance.names["en"])[1:] or substance.names["en"])).upper()
    return f"FINE CHEMICAL, SEE INVOICE, CAS {substance.cas}" if manner == "number" else None


def _unit_value(scene: Scene, plan: CompanyPlan, rng: np.random.Generator) -> Told | None:
    free = casting.free_papers(scene, IMPORT, casting.watched_items(scene))
    papers = casting.of_one(casting.at_home(scene, free, plan.turn), ["local_company", "item"], plan.papers, rng)
    if papers.is_empty():
        return None
    text = f"declared at {plan.factor} times the price that was paid"
    changed = casting.scale_value(scene, _rows(papers), float(plan.factor))
    return casting.take(Told(changed, _rows(papers), _parties(papers), int(papers["item"][0]), text))


def _unnotified(scene: Scene, plan: CompanyPlan, rng: np.random.Generator) -> Told | None:
    free = casting.free_papers(scene, EXPORT, casting.watched_items(scene, scheduled=True))
    papers = casting.of_one(casting.at_home(scene, free, plan.turn), ["local_company", "item", "buyer_company"], plan.papers, rng)
    if papers.is_empty():
        return None
    rows = _rows(papers)
    if plan.factor == "objected":
        changed, share = casting.change_papers(scene, rows, notified_status="objected"), 0.0
        text = "exported although the importing country had objected to the notification"
    else:
        share = float(plan.factor)
        changed = casting.change_papers(scene, rows, notified_share=share)
        text = "exported without a notification" if share == 0 else f"of each consignment {share:.0%} was notified"
    excess = casting.kilograms(scene, rows) * (1 - share)
    return casting.take(Told(changed, rows, _parties(papers), int(papers["item"][0]), text, excess))


def _split(scene: Scene, plan: CompanyPlan, rng: np.random.Generator) -> Told | None:
    free = casting.at_home(scene, casting.free_papers(scene, IMPORT, casting.watched_items(scene)), plan.turn)
    large = free.filter(pl.col("kg") >= pl.col("kg").quantile(0.7).over("item"))
    papers = casting.of_one(large, ["_row"], 1, rng)
    if papers.is_empty():
        return None
    rows = _rows(papers)
    changed = casting.change_papers(scene, rows, parts=plan.papers, span_days=int(plan.factor))
    text = f"one consignment on {plan.papers} declarations of nearly the same weight within {plan.factor} days"
    return casting.take(Told(changed, rows, _parties(papers), int(papers["item"][0]), text, casting.kilograms(scene, rows)))


def _unlicensed(scene: Scene, plan: CompanyPlan, rng: np.random.Generator) -> Told | None:
    texts = {
        "none": "a company that never had a licence imports",
        "other": "a company imports a substance for which it has no licence, beside the one that it has",
        "expired": "a company goes on importing months after its licence ended",
        "limit": "a company imports several times the yearly limit of its licence",
    }
    happened = _new_owner(scene, plan, rng, ("chemical manufacture", DISTRIBUTION, "paint", "pharmaceuticals", "plastics"), is_busy=False)
    if happened is None:
        return None
    day = int(happened.scene.papers["day"].to_numpy()[happened.rows].min())
    return casting.take(replace(happened, text=texts[plan.factor]), OddLicence(happened.companies[0], plan.factor, day))


def _out_of_profile(scene: Scene, plan: CompanyPlan, rng: np.random.Generator) -> Told | None:
    happened = _new_owner(scene, plan, rng, (plan.factor,), is_busy=True)
    if happened is None:
        return None
    return casting.take(replace(happened, text=f"a company that trades in {plan.factor} imports a watched substance, licence in hand"))


def _new_owner(scene: Scene, plan: CompanyPlan, rng: np.random.Generator, lines: tuple[str, ...], *, is_busy: bool) -> Told | None:
    """Consignments of one substance come to a company that has never had any."""
    free = casting.at_home(scene, casting.free_papers(scene, IMPORT, casting.watched_items(scene)), plan.turn)
    papers = casting.of_one(free, ["item"], plan.papers, rng)
    company = None if papers.is_empty() else casting.spare_company(scene, int(papers["reporter"][0]), lines, rng, is_busy=is_busy)
    if company is None:
        return None
    rows = _rows(papers)
    changed = casting.hand_over(scene, rows, company)
    companies = (company, *sorted(set(papers["seller_company"].to_list())))
    return Told(changed, rows, companies, int(papers["item"][0]), "", casting.kilograms(scene, rows))


def _family_basket(scene: Scene, plan: CompanyPlan, rng: np.random.Generator) -> Told | None:
    free = _with_family(scene, casting.free_papers(scene, IMPORT, casting.watched_items(scene), 7))
    breadth = free.group_by("reporter", "_family", maintain_order=True).agg(pl.col("item").n_unique()).sort("reporter", "_family")
    wanted = int(plan.factor)
    # Where nobody buys as many of one family, fewer have to do; one alone is no basket.
    enough = min(wanted, max(breadth["item"].to_list(), default=0))
    home = casting.at_home(scene, breadth.filter(pl.col("item") >= max(enough, 2)), plan.turn)
    if home.is_empty():
        return None
    broad = home[int(rng.integers(len(home)))]
    family = str(broad["_family"][0])
    mine = free.join(broad, on=["reporter", "_family"], how="semi", maintain_order="left")
    items = rng.permutation(mine["item"].unique().sort().to_numpy())[:wanted]
    per_item = [mine.filter(pl.col("item") == item).sort("kg").head(2 + plan.papers // wanted) for item in items.tolist()]
    papers = pl.concat(part.sample(min(len(part), -(-plan.papers // wanted)), seed=int(rng.integers(2**31))) for part in per_item)
    company = casting.spare_company(scene, int(papers["reporter"][0]), (TRADING, "laboratory supply", "plastics"), rng, is_busy=False)
    if company is None:
        return None
    changed = casting.hand_over(scene, _rows(papers), company)
    text = f"{len(items)} chemicals of one family ({family}) gathered by one company within months"
    return casting.take(Told(changed, _rows(papers), (company,), int(items[0]), text, casting.kilograms(scene, _rows(papers))))


def _with_family(scene: Scene, papers: pl.DataFrame) -> pl.DataFrame:
    """A row per paper and family of its substance."""
    families = [(place, name) for place, each in scene.customs.substances.items() for name in each.family.split(";") if name]
    known = pl.DataFrame(families, {"item": pl.Int64, "_family": pl.String}, orient="row")
    return papers.join(known, on="item", maintain_order="left_right")


def _bottleneck(scene: Scene, plan: CompanyPlan, rng: np.random.Generator) -> Told | None:
    free = casting.free_papers(scene, IMPORT, casting.watched_items(scene), plan.papers)
    drawn = free.filter(pl.Series(rng.random(len(free)) < float(plan.factor)))
    markets = drawn.group_by("reporter", "item", maintain_order=True).agg(pl.len().alias("_papers"), pl.col("local_company").n_unique())
    wide = markets.filter((pl.col("_papers") >= _FEWEST_PAPERS_OF_A_MARKET) & (pl.col("local_company") > 1)).sort("reporter", "item")
    home = casting.at_home(scene, wide, plan.turn)
    if home.is_empty():
        return None
    market = home[int(rng.integers(len(home)))]
    mine = drawn.join(market, on=["reporter", "item"], how="semi", maintain_order="left")
    item = int(market["item"][0])
    broker = _small_broker(scene, int(market["reporter"][0]), rng)
    changed = casting.change_papers(scene, _rows(mine), broker_company=broker)
    text = f"about {float(plan.factor):.0%} of a country's papers of one substance pass through one small broker for {plan.papers} months"
    buyers = sorted(set(mine["local_company"].to_list()))
    # The buyers stay open to other cases: nothing that they do is odd here.
    happened = casting.take(Told(changed, _rows(mine), (broker,), item, text, casting.kilograms(scene, _rows(mine))))
    return replace(happened, companies=(broker, *buyers))


def _small_broker(scene: Scene, reporter: int, rng: np.random.Generator) -> int:
    register = scene.customs.market.register
    line = register.lines.index(BROKERAGE)
    first, count = int(register.start[reporter, line]), int(register.count[reporter, line])
    return first + int(rng.integers(count // 2, count))


def _isolated(scene: Scene, plan: CompanyPlan, rng: np.random.Generator) -> Told | None:
    happened = _new_owner(scene, plan, rng, (TRADING, "machinery", "stationery"), is_busy=False)
    if happened is None:
        return None
    reporter = int(scene.papers["reporter"][int(happened.rows[0])])
    offices = int(office_count(scene.customs.market, np.array([reporter]))[0])
    changed = casting.change_papers(
        casting.scale_value(happened.scene, happened.rows, float(plan.factor)),
        happened.rows,
        office=offices,
        mode=BY_AIR,
        broker_company=_small_broker(scene, reporter, rng),
        tare_rate=0.2 + 0.1 * float(plan.factor),
    )
    text = f"a small company, an office of its own, by air, much packing, {plan.factor} times the price: strange only together"
    return casting.take(replace(happened, scene=changed, text=text))


def _rows(papers: pl.DataFrame) -> Ints:
    rows: Ints = np.sort(papers["_row"].unique().to_numpy()).astype(np.int64)
    return rows


def _parties(papers: pl.DataFrame) -> tuple[int, ...]:
    """The company of the country that declares, then the one abroad."""
    inward = papers["flow"][0] == IMPORT
    here, there = ("buyer_company", "seller_company") if inward else ("seller_company", "buyer_company")
    return (int(papers[here][0]), *sorted(set(papers[there].to_list())))


_RULES: dict[str, Callable[[Scene, CompanyPlan, np.random.Generator], Told | None]] = {
    "misdeclared_goods": _misdeclared,
    "unit_value_outlier": _unit_value,
    "unnotified_export": _unnotified,
    "split_consignment": _split,
    "unlicensed_importer": _unlicensed,
    "out_of_profile": _out_of_profile,
    "family_basket": _family_basket,
    "broker_bottleneck": _bottleneck,
    "isolated_declaration": _isolated,
}
