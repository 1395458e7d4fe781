"""Where trade figures and declarations come from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from tradeflow.settings.section import Section


class FilesSource(Section):
    """A folder of files in any declared layout."""

    kind: Literal["files"]
    path: Path
    """Folder or single file; CSV, Parquet or JSON, plain, .gz or .zip."""


class ComtradeSource(Section):
    """UN Comtrade's v1 API."""

    kind: Literal["comtrade"]
    url: str = "https://comtradeapi.un.org"
    """Where the service answers; another address is for a mirror or a test server."""
    key_variable: str = "TRADEFLOW_COMTRADE_KEY"
    """Environment variable that holds the subscription key; without a key the public preview is asked (500 rows an answer)."""
    frequency: Literal["A", "M"] = "M"
    """A for annual figures, M for monthly ones."""
    reporters: tuple[int, ...] = ()
    """Reporter codes; empty asks for every reporter that the availability endpoint lists."""
    commodities: tuple[str, ...] = ()
    """HS codes; empty asks for the watched codes."""
    flows: tuple[str, ...] = ("M", "X", "RM", "RX")
    """Flow codes to ask for: import, export, re-import, re-export."""
    first_period: int = 202001
    """First period to ask for: YYYYMM when monthly, YYYY when annual."""
    last_period: int | None = None
    """Empty: up to the newest period that is available."""
    calls_per_minute: Annotated[float, Field(gt=0)] = 10
    """Calls a minute at the most; the service refuses more."""
    calls_per_day: Annotated[int, Field(gt=0)] = 500
    """Calls within 24 hours at the most; a pull that reaches it stops and goes on the next day."""
    row_limit: Annotated[int, Field(gt=0)] = 100_000
    """Rows that one keyed answer may hold; an answer of exactly that many rows is treated as cut."""
    timeout_seconds: Annotated[float, Field(gt=0)] = 120
    """How long an answer is waited for."""
    attempts: Annotated[int, Field(ge=1)] = 5
    """How often one question is asked when the service does not answer it properly."""


Source = Annotated[FilesSource | ComtradeSource, Field(discriminator="kind")]
