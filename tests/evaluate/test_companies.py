"""The figures about companies are those of pairs counted by hand; the made-up companies are made up."""

import polars as pl
import pytest
from click.testing import CliRunner
from polars.testing import assert_frame_equal

from tradeflow.cli import main
from tradeflow.evaluate.companies import measure_pairs_found
from tradeflow.sample.companies import make_companies


def test_pairs_are_counted_as_by_hand() -> None:
    ids = pl.DataFrame({"entity_id": ["a", "a", "a", "b", "c"], "_company": [1, 1, 2, 2, 2]})
    # Together: 12, 13, 23 (one right); of one company: 12, 34, 35, 45.
    found = measure_pairs_found(ids)
    assert (found.precision, found.recall) == (pytest.approx(1 / 3), pytest.approx(1 / 4))


def test_the_command_tells_a_line_per_rate() -> None:
    result = CliRunner().invoke(main, ["evaluate", "companies", "--companies", "150", "--rules-only"])
    assert result.exit_code == 0, result.output
    assert [line.split()[:2] for line in result.stdout.splitlines()[2:]] == [["rules", "1%"], ["rules", "5%"], ["rules", "10%"]]


def test_a_seed_makes_the_same_world_and_its_first_part_is_part_of_it() -> None:
    world = make_companies(200, 5, 0.1)
    assert_frame_equal(world, make_companies(200, 5, 0.1))
    assert not world.equals(make_companies(200, 6, 0.1))
    part = make_companies(200, 5, 0.1, first_part=0.6)
    assert part.join(world, on=part.columns, nulls_equal=True, how="anti").is_empty()
    assert 0.4 < part.height / world.height < 0.8


def test_no_name_is_a_real_companys() -> None:
    """Every telling word of a clean Latin name holds a syllable of q without u."""
    names = make_companies(300, 2, 0.0).filter(~pl.col("party_country").is_in(["RUS", "CHN"]))["party_name"].str.to_lowercase()
    assert names.str.contains("q[aeio]").all()
