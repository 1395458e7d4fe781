"""Every text that pages, dossiers and leads are told in has its Spanish, with the same braces."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import jinja2
import pytest
from jinja2 import nodes

from tradeflow.model.features import FEATURES
from tradeflow.serve.translations import load_texts, translator
from tradeflow.signals import rule_meanings
from tradeflow.signals.company import company_rule_meanings
from tradeflow.signals.evidence import _LEADING_FEATURE
from tradeflow.telling.lead import _feature_meanings
from tradeflow.telling.names import area_names, commodity_names, substance_names

SOURCE = Path(__file__).parents[2] / "src" / "tradeflow"
TEMPLATES = sorted([*SOURCE.glob("telling/templates/*"), *SOURCE.glob("serve/templates/**/*.html")])
MODULES = sorted([*SOURCE.glob("telling/*.py"), *SOURCE.glob("serve/**/*.py")])


def texts_of_template(path: Path) -> Iterator[str]:
    for call in jinja2.Environment().parse(path.read_text(encoding="utf-8")).find_all(nodes.Call):
        if isinstance(call.node, nodes.Name) and call.node.name == "t":
            yield from texts_in(call.args[0])


def texts_in(node: nodes.Expr) -> Iterator[str]:
    if isinstance(node, nodes.Const) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, nodes.CondExpr):
        for choice in (node.expr1, node.expr2):
            if choice is not None:
                yield from texts_in(choice)


def texts_of_module(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id == "t"
            and isinstance(node.args[0], ast.Constant)
        ):
            yield str(node.args[0].value)
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict) and all(is_words(target) for target in node.targets):
            yield from (value.value for value in node.value.values if isinstance(value, ast.Constant) and isinstance(value.value, str))


def is_words(target: ast.expr) -> bool:
    return isinstance(target, ast.Name) and target.id.endswith("_WORDS")


def braces(text: str) -> list[str]:
    return sorted(name for _, name, _, _ in Formatter().parse(text) if name is not None)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_text_of_a_template_is_missing(path: Path) -> None:
    assert {text for text in texts_of_template(path) if text and text not in load_texts("es")} == set()


@pytest.mark.parametrize("path", MODULES, ids=lambda path: f"{path.parent.name}.{path.stem}")
def test_no_text_of_the_code_is_missing(path: Path) -> None:
    assert {text for text in texts_of_module(path) if text and text not in load_texts("es")} == set()


def test_the_meaning_of_each_rule_is_told_in_spanish() -> None:
    meanings = {*rule_meanings().values(), *company_rule_meanings().values()}
    assert {meaning for meaning in meanings if meaning not in load_texts("es")} == set()


def test_what_drives_a_score_is_told_in_spanish() -> None:
    features, meanings = {*FEATURES, *_LEADING_FEATURE.values()}, _feature_meanings()
    wanted = {feature.replace("_", " ") for feature in features} | {meanings[feature] for feature in features if feature in meanings}
    assert {text for text in wanted if text not in load_texts("es")} == set()


def test_every_area_substance_and_code_has_its_spanish_name() -> None:
    named = {*area_names().values(), *substance_names().values(), *commodity_names().values()}
    assert {name for name in named if name not in load_texts("es")} == set()


def test_the_braces_agree() -> None:
    assert {text for text, spanish in load_texts("es").items() if braces(text) != braces(spanish)} == set()


def test_a_text_that_is_not_there_stays_english() -> None:
    assert translator("es")("Mexico") == "México"
    assert translator("es")("no such text") == "no such text"
    assert translator("en")("Leads") == "Leads"
