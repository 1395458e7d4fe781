"""A certificate's results in; pages to read without a network out.

Great Expectations renders the page; what it would fetch from elsewhere (scripts, styles, a logo that tells its maker who
looked) is taken out, and a small style is put in its place.
"""

from __future__ import annotations

import html
import importlib
import re
from pathlib import Path
from typing import Any

from tradeflow.contract import Contract

_FETCHED_OR_RUN = re.compile(
    r"<(script|noscript|iframe|footer)\b.*?</\1>|<(link|img)\b[^>]*>|@import[^;]*;|url\([^)]*\)", re.DOTALL | re.IGNORECASE
)
_OUTSIDE_LINK = re.compile(r'\bhref="https?://[^"]*"', re.IGNORECASE)
_WORKS_BY_SCRIPT = re.compile(
    r'<p class="card-text col-12 p-0 mb-1">\s*Validation Filter:.*?</p>|<strong>Actions</strong>|<a data-toggle="collapse".*?</a>'
    r'|<div class="btn-group btn-group-toggle".*?</div>',
    re.DOTALL,
)

_STYLE = """<style>
body { font: 15px/1.45 system-ui, sans-serif; margin: 1.5rem auto; max-width: 75rem; padding: 0 1rem; color: #1b1f24; }
table { border-collapse: collapse; margin: .5rem 0 1rem; }
td, th { border-bottom: 1px solid #d0d7de; padding: .25rem .75rem; text-align: left; vertical-align: top; }
.alert { background: #eef2f6; padding: .4rem .75rem; margin-top: 1.25rem; }
.alert h5, h6 { margin: 0; font-size: 1rem; }
.navbar ol, .ge-navigation-sidebar-container ul { list-style: none; display: flex; flex-wrap: wrap; gap: .75rem; padding: 0; }
.fa-check-circle::before { content: "\\2713"; color: #1a7f37; }
.fa-times::before { content: "\\2717"; color: #cf222e; }
.fa-exclamation-triangle::before { content: "\\26A0"; color: #9a6700; }
.badge { background: #eef2f6; border-radius: .3rem; padding: 0 .3rem; }
</style>"""


def write_result_page(result: Any, contract: Contract, name: str, folder: Path) -> None:
    """Write one partition's page."""
    page = _render("ValidationResultsPageRenderer", result)
    path = folder / f"{file_stem(name)}.html"
    path.write_text(keep_offline(page, f"{contract.name}: {name}"), encoding="utf-8")


def write_index(contract: Contract, outcomes: list[dict[str, Any]], suite: Any, folder: Path) -> Path:
    """Write the page of all partitions and the page of the suite; return the first one's path."""
    page = _render("ExpectationSuitePageRenderer", suite)
    (folder / "suite.html").write_text(keep_offline(page, f"{contract.name}: what is expected"), encoding="utf-8")
    path = folder / "index.html"
    path.write_text(_index_page(contract, outcomes), encoding="utf-8")
    return path


def keep_offline(page: str, title: str) -> str:
    """Take out of a page all that runs or is fetched, put the small style in and let its links lead to our files."""
    for part in (_FETCHED_OR_RUN, _WORKS_BY_SCRIPT, _OUTSIDE_LINK):
        page = part.sub("", page)
    page = re.sub(r'href="(\.\./)+index\.html"', 'href="index.html"', page)
    page = re.sub(r'href="(\.\./)+expectations/[^"]*"', 'href="suite.html"', page)
    page = re.sub(r"<title>.*?</title>", "", page, flags=re.DOTALL)
    page = page.replace("</head>", f"<title>{html.escape(title)}</title>{_STYLE}</head>", 1)
    return page.replace("<body>", f"<body><h1>{html.escape(title)}</h1>", 1)


def file_stem(name: str) -> str:
    """Return a partition's name as the name of its files."""
    return "partition_" + re.sub(r"[^A-Za-z0-9]+", "_", name)


def _render(renderer: str, subject: Any) -> str:
    renderers = importlib.import_module("great_expectations.render.renderer")
    view = importlib.import_module("great_expectations.render.view")
    return str(view.DefaultJinjaPageView().render(getattr(renderers, renderer)().render(subject)))


def _index_page(contract: Contract, outcomes: list[dict[str, Any]]) -> str:
    title = f"{contract.name} {contract.version}: certificate"
    verdict = "Every expectation was met." if all(each["is_passed"] for each in outcomes) else "Not every expectation was met."
    rows = "".join(_index_row(each) for each in outcomes)
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>{_STYLE}</head><body>'
        f"<h1>{html.escape(title)}</h1><p>{html.escape(contract.meaning)}</p><p><strong>{verdict}</strong> "
        'What is expected stands in <a href="suite.html">the suite</a>.</p><table><thead><tr><th>Partition</th><th>Rows</th>'
        f"<th>Expectations</th><th>Not met</th></tr></thead><tbody>{rows}</tbody></table></body></html>"
    )


def _index_row(outcome: dict[str, Any]) -> str:
    name = outcome["partition"]
    failures = "<br>".join(html.escape(failure) for failure in outcome["failures"]) or "none"
    link = f'<a href="{file_stem(name)}.html">{html.escape(name)}</a>'
    return f"<tr><td>{link}</td><td>{outcome['rows']:,}</td><td>{outcome['expectations']}</td><td>{failures}</td></tr>"
