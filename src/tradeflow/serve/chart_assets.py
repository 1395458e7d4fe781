"""The chart library and the charts' specifications, under addresses that change with their content."""

from __future__ import annotations

import functools
import hashlib
import json
from importlib.metadata import version

from tradeflow.telling.charts import chart_script, chart_specifications


@functools.cache
def asset_url(name: str) -> str:
    """Return the address of "charts.js" or "charts.json"; the script's mark is the version that it comes with, as it is slow to bundle."""
    mark = version("vl-convert-python") if name == "charts.js" else hashlib.sha256(asset(name).encode()).hexdigest()[:12]
    return f"/assets/{name}?v={mark}"


@functools.cache
def asset(name: str) -> str:
    """Return the text of "charts.js" or "charts.json"."""
    return chart_script() if name == "charts.js" else json.dumps(chart_specifications())
