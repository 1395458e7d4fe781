"""Code lists as plain rows, and the one normalised form in which names are matched."""

import csv
import re
import unicodedata
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
CODELISTS = REPOSITORY / "data_contracts" / "codelists"
SHARED = REPOSITORY.parent / "shared"

Row = dict[str, str]


def read_codelist(name: str) -> list[Row]:
    with (CODELISTS / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def normalise(name: str) -> str:
    """Lower case, no accents, everything that is not a letter or digit collapsed to one space."""
    decomposed = unicodedata.normalize("NFKD", name)
    plain = "".join(character for character in decomposed if not unicodedata.combining(character))
    return re.sub(r"[^0-9a-z]+", " ", plain.lower()).strip()


def read_area_lookup() -> dict[str, int]:
    """Every spelling that resolves, in its normalised form, with its area code."""
    spellings = [(row[column], row["area_code"]) for row in read_codelist("area") for column in ("area_code", "iso2", "iso3", "area_name")]
    spellings += [(row["alias"], row["area_code"]) for row in read_codelist("area_alias")]
    return {normalise(spelling): int(code) for spelling, code in spellings if spelling}


@pytest.fixture(scope="session")
def area_lookup() -> dict[str, int]:
    return read_area_lookup()


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The real trade data beside the repository; a test that needs them skips where they are absent."""
    folder = SHARED / "data"
    if not folder.is_dir():
        pytest.skip("no real data: ../shared/data is absent beside the repository")
    return folder
