"""The made worlds: what is true is what was shipped, and each form changes what it should and nothing else."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from tradeflow.evaluate.mirror_truth import FLOW_KEY, REPORT_KEY, KnownTrade, make_known_trade
from tradeflow.evaluate.mirror_world import FORMS, World, make_countries, make_flows

SMALL = World(countries=30, codes=40, density=0.2, seed=4)


@pytest.fixture(scope="module")
def plain() -> KnownTrade:
    return make_known_trade(SMALL)


def gaps(trade: KnownTrade, measure: str = "value_usd") -> pl.DataFrame:
    """Two-sided rows with the truth and gap = ln(importer / exporter)."""
    key = [name for name in FLOW_KEY if name in trade.truth.columns]
    exports = trade.reports.filter(pl.col("flow_code") == "X").rename({"reporter": "exporter", "partner": "importer", measure: "x"})
    imports = trade.reports.filter(pl.col("flow_code") == "M").rename({"reporter": "importer", "partner": "exporter", measure: "m"})
    both = exports.select(*key, "x").join(imports.select(*key, "m"), on=key).join(trade.truth, on=key)
    return both.with_columns((pl.col("m") / pl.col("x")).log().alias("gap")).drop_nulls("gap")


def test_the_same_world_gives_the_same_rows(plain: KnownTrade) -> None:
    again = make_known_trade(SMALL)
    assert again.reports.equals(plain.reports)
    assert again.truth.equals(plain.truth)
    assert not make_known_trade(replace(SMALL, seed=5)).reports.equals(plain.reports)


def test_a_report_is_one_row_of_its_key_and_above_the_threshold(plain: KnownTrade) -> None:
    assert not plain.reports.select(REPORT_KEY[:4]).is_duplicated().any()
    assert plain.reports["value_usd"].min() >= 1000  # type: ignore[operator]
    assert plain.reports.filter(pl.col("reporter") == pl.col("partner")).is_empty()


def test_the_gap_is_freight_and_both_sides_care() -> None:
    trade = make_known_trade(replace(SMALL, cut_share=0.0))
    told = gaps(trade).with_columns(sigma=(pl.col("exporter_sigma") ** 2 + pl.col("importer_sigma") ** 2).sqrt())
    standardised = (told["gap"] - (1 + told["cif_rate"]).log()) / told["sigma"]
    assert abs(standardised.mean()) < 0.03  # type: ignore[operator,arg-type]
    assert standardised.std() == pytest.approx(1, abs=0.03)


def test_the_cut_share_is_cut_to_a_quarter() -> None:
    trade = make_known_trade(replace(SMALL, cut_share=0.2))
    told = gaps(trade, "net_weight_kg")
    assert trade.truth["is_cut"].mean() == pytest.approx(0.2, abs=0.02)
    cut, whole = (told.filter(pl.col("is_cut") == each)["gap"].median() for each in (True, False))
    assert cut - whole == pytest.approx(np.log(0.25), abs=0.05)  # type: ignore[operator]


@pytest.mark.parametrize("form", sorted(set(FORMS) - {"fob_importers", "lag_carry"}))
def test_a_form_changes_what_is_reported_and_not_what_is_true(form: str, plain: KnownTrade) -> None:
    harder = make_known_trade(replace(SMALL, forms=(form,)))
    assert harder.truth.equals(plain.truth)
    assert not harder.reports.equals(plain.reports)


def test_heavy_tails_are_heavy(plain: KnownTrade) -> None:
    def kurtosis(trade: KnownTrade) -> float:
        told = gaps(trade).filter(~pl.col("is_cut"))
        return float((told["gap"] / (told["exporter_sigma"] ** 2 + told["importer_sigma"] ** 2).sqrt()).kurtosis() or 0)

    assert kurtosis(make_known_trade(replace(SMALL, forms=("heavy_tails",)))) > kurtosis(plain) + 3


def test_slips_are_thousandfold(plain: KnownTrade) -> None:
    slipped = make_known_trade(replace(SMALL, forms=("unit_slips",)))
    far = [int((gaps(trade, "net_weight_kg")["gap"].abs() > np.log(200)).sum()) for trade in (plain, slipped)]
    assert far[1] > far[0] + 10


def test_goods_put_down_to_a_hub_are_not_lost() -> None:
    """Nobody leaves out a report: what is missing on the true route stands with the hub."""
    hubbed = make_known_trade(replace(SMALL, forms=("misattributed",)))
    unknown = hubbed.reports.filter(pl.col("flow_code") == "X").join(
        hubbed.truth, left_on=["reporter", "partner", "commodity"], right_on=["exporter", "importer", "commodity"], how="anti"
    )
    assert unknown.height > 20
    assert unknown["partner"].n_unique() <= 4


def test_fob_importers_add_no_freight(plain: KnownTrade) -> None:
    fob = make_known_trade(replace(SMALL, forms=("fob_importers",)))
    assert (plain.truth["cif_rate"] == 0).mean() < 0.02  # type: ignore[operator]
    by_importer = fob.truth.group_by("importer").agg((pl.col("cif_rate") == 0).all().alias("is_fob"))
    assert 0 < by_importer["is_fob"].sum() < 10


def test_rounding_leaves_round_figures() -> None:
    rounded = make_known_trade(replace(SMALL, forms=("rounded",))).reports
    share = rounded.group_by("reporter").agg((pl.col("value_usd") % 1000 == 0).mean().alias("share"))
    assert set(share["share"]) == {0.0, 1.0}


def test_suppressed_codes_are_gone_for_every_partner(plain: KnownTrade) -> None:
    hidden = make_known_trade(replace(SMALL, forms=("suppressed",)))
    cells = ["flow_code", "reporter", "commodity"]
    before, after = (trade.reports.group_by(cells).len().filter(pl.col("len") >= 5) for trade in (plain, hidden))
    gone = before.join(hidden.reports, on=cells, how="anti")
    assert 0 < gone.height < before.height * 0.06
    assert after.height < before.height


def test_a_month_s_goods_arrive_within_two_months_and_none_are_lost() -> None:
    world = replace(SMALL, months=6, forms=("lag_carry",))
    random = np.random.default_rng(1)
    flows = make_flows(random, world, make_countries(random, world))
    assert flows.arrived.sum(axis=1) == pytest.approx(np.ones(len(flows.e)))
    assert flows.arrived.min() >= 0
    assert 0.1 < flows.arrived[:, 1:].sum(axis=1).mean() < 0.9


def test_months_run_on_and_stop_with_the_world() -> None:
    trade = make_known_trade(replace(SMALL, months=14, density=0.05, forms=("lag_carry",)))
    assert trade.reports["period"].unique().sort().to_list() == [*range(202201, 202213), 202301, 202302]
    assert not trade.reports.select(REPORT_KEY).is_duplicated().any()


def test_a_year_s_carry_is_a_gap_only_far_away() -> None:
    spread = {}
    for forms in ((), ("lag_carry",)):
        trade = make_known_trade(replace(SMALL, forms=forms, cut_share=0.0))
        told = gaps(trade, "net_weight_kg").join(trade.distances, on=["exporter", "importer"])
        spread[forms] = [told.filter(far)["gap"].abs().median() for far in (pl.col("distance_km") < 1000, pl.col("distance_km") > 8000)]
    near, far = (spread[("lag_carry",)][place] / spread[()][place] for place in (0, 1))  # type: ignore[operator]
    assert far > near


def test_an_unknown_form_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown forms \\['gremlins'\\]; known are heavy_tails"):
        World(forms=("gremlins",))
