"""Ordinary business that looks odd in the declarations: a good method leaves it alone, or says what speaks for it."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import polars as pl

from tradeflow.sample import company_casting as casting
from tradeflow.sample.business import DISTRIBUTION
from tradeflow.sample.chance import named_generator
from tradeflow.sample.company_casting import OddLicence, Scene, Told
from tradeflow.sample.documents import EXPORT, IMPORT
from tradeflow.sample.goods_words import LANGUAGES, language_of
from tradeflow.sample.innocence import kind_of_event

_KINDS_AND_TIMES = (
    ("new_plant", 2), ("merger", 2), ("licence_renewal", 3), ("regular_call_off", 3), ("laboratory_supplier", 1),
    ("wording_look_alike", 3), ("fine_grade", 2), ("late_notification", 4), ("forgotten_notification", 2), ("large_broker", 2),
)  # fmt: skip
_SLIP_DECADES = 0.9
_FREE_OF = {
    "en": "{other}, FREE OF {name}", "es": "{other}, LIBRE DE {name}", "pt": "{other}, ISENTO DE {name}", "fr": "{other}, SANS {name}",
    "zh": "{other}, FREE OF {name}",
}  # fmt: skip


def let_business_happen(scene: Scene) -> tuple[Scene, list[tuple[str, Told]]]:
    """The scene after its innocent events, each with its kind. One that finds no place is left out."""
    told = []
    turn = 0
    for kind, times in _KINDS_AND_TIMES:
        for number in range(times):
            happened = _KINDS[kind](scene, turn, named_generator(scene.customs.seed, "innocent company", kind, number))
            turn += 1
            if happened is not None:
                scene = happened.scene
                told.append((kind, happened))
    return scene, told + _residual_codes(scene) + _odd_weights(scene) + _trade_events(scene)


def _residual_codes(scene: Scene) -> list[tuple[str, Told]]:
    """Papers on which a clerk who did not find the right subheading took its residual neighbour: nothing that was planted."""
    own = pl.DataFrame(
        [(place, code) for place in scene.customs.substances for code in set(scene.customs.market.items[place].codes)],
        {"item": pl.Int64, "code": pl.Int32},
        orient="row",
    )
    free = scene.papers.filter(pl.col("item").is_in(list(scene.customs.substances)) & ~pl.col("_row").is_in(list(scene.rows)))
    wrong = free.with_columns(pl.col("code").cast(pl.Int32)).join(own, on=["item", "code"], how="anti").sort("_row")
    text = "the right words beside the residual code next to the right one: a clerk's habit"
    return [
        ("residual_code", Told(scene, np.array([row]), (company,), item, text))
        for row, company, item in wrong.select("_row", "local_company", "item").iter_rows()
    ]


def _odd_weights(scene: Scene) -> list[tuple[str, Told]]:
    """Papers with a weight many times off what was sent."""
    off = (pl.col("kg") / pl.col("sent_kg")).log10().abs() > _SLIP_DECADES
    odd = scene.papers.filter(off & (pl.col("sent_kg") > 0) & ~pl.col("_row").is_in(list(scene.rows))).sort("_row")
    return [
        (
            "odd_weight",
            Told(
                scene,
                np.array([row]),
                (company,),
                item,
                "a weight many times off: a slipped decimal, or a habit of its office",
            ),
        )
        for row, company, item in odd.select("_row", "local_company", "item").iter_rows()
    ]


def _trade_events(scene: Scene) -> list[tuple[str, Told]]:
    """What an innocent event of the trade figures left in the papers of each country and company."""
    told = []
    parts = scene.papers.filter(pl.col("case") < -1).sort("_row").partition_by("case", "reporter", "local_company", maintain_order=True)
    for part in parts:
        number = -1 - int(part["case"][0])
        happened = Told(
            scene, part["_row"].to_numpy(), (int(part["local_company"][0]),), int(part["item"][0]), f"part of event-{number:02d}"
        )
        told.append((kind_of_event(number), happened))
    return told


def _market(scene: Scene, turn: int, rng: np.random.Generator, fewest: int) -> pl.DataFrame:
    """The free imports of one substance by one country, of a substance with at least so many papers or the most."""
    free = casting.at_home(scene, casting.free_papers(scene, IMPORT, casting.watched_items(scene)), turn)
    return casting.of_one(free, ["item"], len(free), rng) if free.is_empty() else _busy_item(free, fewest, rng)


def _busy_item(free: pl.DataFrame, fewest: int, rng: np.random.Generator) -> pl.DataFrame:
    counts = free.group_by("item", maintain_order=True).agg(pl.len().alias("_papers")).sort("item")
    busy = counts.filter(pl.col("_papers") >= min(fewest, int(counts["_papers"].max())))  # type: ignore[arg-type]
    return free.filter(pl.col("item") == busy["item"][int(rng.integers(len(busy)))]).sort("day", "_row")


def _told(scene: Scene, papers: pl.DataFrame, companies: tuple[int, ...], text: str, odd: OddLicence | None = None) -> Told:
    rows = np.sort(papers["_row"].to_numpy()).astype(np.int64)
    return casting.take(Told(scene, rows, companies, int(papers["item"][0]), text), odd)


def _new_plant(scene: Scene, turn: int, rng: np.random.Generator) -> Told | None:
    market = _market(scene, turn, rng, 12)
    company = None if market.is_empty() else casting.spare_company(
        scene, int(market["reporter"][0]), ("chemical manufacture", "paint", "pharmaceuticals", "water treatment"), rng, is_busy=False
    )  # fmt: skip
    if company is None:
        return None
    monthly = market.filter(pl.col("month") >= scene.last_month - 7).group_by("month", maintain_order=True).first().select(market.columns)
    if monthly.is_empty():
        return None
    changed = casting.hand_over(scene, monthly["_row"].to_numpy().astype(np.int64), company)
    text = "a new plant begins to buy and goes on every month, with a licence"
    return _told(changed, monthly, (company,), text, OddLicence(company, "all", int(monthly["day"].min()) - 60))  # type: ignore[arg-type]


def _merger(scene: Scene, turn: int, rng: np.random.Generator) -> Told | None:
    market = _market(scene, turn, rng, 12)
    company = None if market.is_empty() else casting.spare_company(
        scene, int(market["reporter"][0]), (DISTRIBUTION, "chemical manufacture"), rng, is_busy=True
    )  # fmt: skip
    if company is None:
        return None
    old = int(market["local_company"].mode().sort()[0])
    later = scene.papers.filter(
        (pl.col("local_company") == old) & (pl.col("flow") == IMPORT) & (pl.col("month") >= scene.last_month - 6) & (pl.col("case") == -1)
    ).filter(~pl.col("_row").is_in(list(scene.rows)))
    if later.is_empty():
        return None
    changed = casting.hand_over(scene, later["_row"].to_numpy().astype(np.int64), company)
    text = "a company takes over another one and buys what that one used to buy"
    return _told(changed, later, (company, old), text, OddLicence(company, "all", int(later["day"].min()) - 30))  # type: ignore[arg-type]


def _licence_renewal(scene: Scene, turn: int, rng: np.random.Generator) -> Told | None:
    papers = casting.of_one(_market(scene, turn, rng, 8), ["local_company"], 1, rng)
    if papers.is_empty():
        return None
    company = int(papers["local_company"][0])
    text = "a licence ran out some days before a consignment came and was renewed some days later"
    return _told(scene, papers, (company,), text, OddLicence(company, "renewal", int(papers["day"][0])))


def _regular_call_off(scene: Scene, turn: int, rng: np.random.Generator) -> Told | None:
    market = _market(scene, turn, rng, 10)
    if market.is_empty():
        return None
    company = int(market["local_company"].mode().sort()[0])
    papers = market.filter(pl.col("local_company") == company)
    changed = casting.change_papers(scene, papers["_row"].to_numpy().astype(np.int64), parts=4, span_days=21)
    return _told(changed, papers, (company,), "a plant calls its contract off in weekly loads, all year")


def _laboratory_supplier(scene: Scene, turn: int, rng: np.random.Generator) -> Told | None:
    free = casting.at_home(scene, casting.free_papers(scene, IMPORT, casting.watched_items(scene)), turn)
    if free.is_empty():
        return None
    company = casting.spare_company(scene, int(free["reporter"][0]), ("laboratory supply", DISTRIBUTION), rng, is_busy=True)
    small = free.sort("kg", "_row").group_by("item", maintain_order=True).head(3).select(free.columns)
    if company is None:
        return None
    changed = casting.hand_over(scene, small["_row"].to_numpy().astype(np.int64), company)
    text = "a laboratory supplier has a little of everything, all year, with a licence"
    first = int(scene.papers["day"].min()) - 400  # type: ignore[arg-type]
    return _told(changed, small, (company,), text, OddLicence(company, "all", first))


def _wording_look_alike(scene: Scene, turn: int, rng: np.random.Generator) -> Told | None:
    free = casting.at_home(scene, casting.free_papers(scene, IMPORT, casting.other_items(scene)), turn)
    papers = casting.of_one(free, ["local_company"], 1, rng)
    if papers.is_empty():
        return None
    language = LANGUAGES[int(language_of(scene.customs.offices.areas)[int(papers["reporter"][0])])]
    item = int(rng.choice(casting.watched_items(scene)))
    names = scene.customs.substances[item].names
    words = _FREE_OF[language].format(other=_usual_words(scene, papers), name=names.get(language, names["en"])[0].upper())
    changed = casting.change_papers(scene, papers["_row"].to_numpy().astype(np.int64), words=words)
    return _told(changed, papers, (int(papers["local_company"][0]),), "the words name a substance that is not in the goods")


def _usual_words(scene: Scene, papers: pl.DataFrame) -> str:
    language = int(language_of(scene.customs.offices.areas)[int(papers["reporter"][0])])
    usual = scene.customs.phrases.filter((pl.col("goods_key") == papers["goods_key"][0]) & (pl.col("language") == language))
    return str(usual["description"][0]).upper()


def _fine_grade(scene: Scene, turn: int, rng: np.random.Generator) -> Told | None:
    market = _market(scene, turn, rng, 6)
    if market.is_empty():
        return None
    papers = market.sort("kg", "_row").head(1)
    changed = casting.scale_value(scene, papers["_row"].to_numpy().astype(np.int64), 5.0)
    return _told(changed, papers, (int(papers["local_company"][0]),), "a small lot of a fine grade at five times the usual price")


def _late_notification(scene: Scene, turn: int, rng: np.random.Generator) -> Told | None:
    return _badly_notified(scene, turn, rng, "notified some days after the goods had left", notified_status="late")


def _forgotten_notification(scene: Scene, turn: int, rng: np.random.Generator) -> Told | None:
    return _badly_notified(scene, turn, rng, "a small lot for which nobody remembered to notify", notified_share=0.0)


def _badly_notified(scene: Scene, turn: int, rng: np.random.Generator, text: str, **values: object) -> Told | None:
    free = casting.at_home(scene, casting.free_papers(scene, EXPORT, casting.watched_items(scene, scheduled=True)), turn)
    if free.is_empty():
        return None
    small = free.filter(pl.col("kg") <= pl.col("kg").quantile(0.3).over("item"))
    papers = small[int(rng.integers(len(small)))]
    changed = casting.change_papers(scene, papers["_row"].to_numpy().astype(np.int64), **values)
    return _told(changed, papers, (int(papers["local_company"][0]),), text)


def _large_broker(scene: Scene, turn: int, rng: np.random.Generator) -> Told | None:
    """Nothing is changed: the largest broker of a country has always had a large share of many substances."""
    free = casting.at_home(scene, casting.free_papers(scene, IMPORT, casting.watched_items(scene)), turn)
    if free.is_empty():
        return None
    broker = int(free["broker_company"].mode().sort()[0])
    papers = free.filter(pl.col("broker_company") == broker)
    rows = np.sort(papers["_row"].to_numpy()).astype(np.int64)
    # Its papers stay open to others: it works for everybody.
    return replace(Told(scene, rows, (broker,), None, "a broker that is simply large, and has been for years"))


_KINDS: dict[str, Callable[[Scene, int, np.random.Generator], Told | None]] = {
    "new_plant": _new_plant,
    "merger": _merger,
    "licence_renewal": _licence_renewal,
    "regular_call_off": _regular_call_off,
    "laboratory_supplier": _laboratory_supplier,
    "wording_look_alike": _wording_look_alike,
    "fine_grade": _fine_grade,
    "late_notification": _late_notification,
    "forgotten_notification": _forgotten_notification,
    "large_broker": _large_broker,
}
