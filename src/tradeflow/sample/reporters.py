"""How each reporting country compiles its statistics: care, basis, editions, habits of release. Drawn once per world."""

from dataclasses import dataclass

import numpy as np

from tradeflow.sample.chance import Floats, Ints, named_generator
from tradeflow.sample.geography import Areas

FOB_IMPORTERS = ("CAN", "MEX", "BRA", "ZAF")
BOTH_VALUES = ("AUS", "USA", "CHL", "COL")
SEPARATE_RE_EXPORTS = ("SGP", "NLD", "ARE", "HKG", "PAN", "USA", "CAN", "AUS", "GBR", "IND", "ZAF", "CHL")


@dataclass(frozen=True)
class Habits:
    """One place per reporter in each array. Shares are of documents or of published rows; months count from the first."""

    import_slackness: Floats
    export_slackness: Floats
    is_fob_importer: np.ndarray
    gives_both_values: np.ndarray
    separates_re_exports: np.ndarray
    uses_zero_for_null: np.ndarray
    marks_reported: np.ndarray
    gives_litres: np.ndarray
    weight_gap_share: Floats
    weight_gap_left_share: Floats
    weight_step_kg: Floats
    suppressed_share: Floats
    names_hub_share: Floats
    release_days: Floats
    revision_share: Floats
    hs2017_from: Ints
    hs2022_from: Ints
    silent_from: Ints
    silent_until: Ints
    restates_two_years: np.ndarray


def draw_habits(areas: Areas, month_count: int, seed: int) -> Habits:
    """Every reporter's habits; care is drawn from a continuous distribution and apart for imports and exports."""
    rng = named_generator(seed, "habits")
    count = areas.reporter_count
    common = rng.gamma(2.0, 0.25, count)
    quick, middling = round(0.4 * count), round(0.33 * count)
    delays = [rng.uniform(24, 48, quick), rng.uniform(48, 95, middling), rng.uniform(95, 215, count - quick - middling)]
    late = rng.permutation(np.concatenate(delays))
    hs2017 = np.zeros(count, dtype=np.int64)
    slow = rng.choice(count, size=4, replace=False)
    hs2017[slow] = rng.integers(10, 40, 4)
    hs2022 = rng.integers(36, 54, count)
    hs2022[slow[:2]] = month_count + 1
    hs2017[slow[0]] = month_count + 1
    silent, restating = rng.choice(np.setdiff1d(np.arange(count), [areas.index("USA"), areas.index("CHN")]), 2, replace=False)
    silent_from = np.full(count, month_count + 1)
    silent_until = silent_from.copy()
    silent_from[silent], silent_until[silent] = month_count - 34, month_count - 25
    return Habits(
        import_slackness=0.5 * common + rng.gamma(1.6, 0.3, count),
        export_slackness=0.5 * common + rng.gamma(1.6, 0.3, count),
        is_fob_importer=_are(areas, FOB_IMPORTERS),
        gives_both_values=_are(areas, BOTH_VALUES),
        separates_re_exports=_are(areas, SEPARATE_RE_EXPORTS),
        uses_zero_for_null=rng.random(count) < 0.6,
        marks_reported=rng.random(count) < 0.3,
        gives_litres=rng.random(count) < 0.3,
        weight_gap_share=rng.beta(0.6, 4.5, count),
        weight_gap_left_share=rng.beta(1.2, 1.6, count),
        weight_step_kg=rng.choice([0.001, 0.01, 1.0, 1.0, 1.0, 10.0], count),
        suppressed_share=rng.beta(0.5, 22, count),
        names_hub_share=rng.beta(1.5, 5, count),
        release_days=late,
        revision_share=rng.beta(1.2, 8, count),
        hs2017_from=hs2017,
        hs2022_from=hs2022.astype(np.int64),
        silent_from=silent_from,
        silent_until=silent_until,
        restates_two_years=np.arange(count) == restating,
    )


def _are(areas: Areas, chosen: tuple[str, ...]) -> np.ndarray:
    return np.isin(np.array(areas.iso[: areas.reporter_count]), chosen)
