"""What a user can choose is written down: each command, rule and setting, in the README or in docs/."""

import re
from pathlib import Path

import click
import pytest

from tradeflow import settings_page
from tradeflow.cli import main
from tradeflow.contract import load_contract
from tradeflow.settings import Settings

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
TEXT = "\n".join(path.read_text(encoding="utf-8") for path in PAGES)
README = PAGES[0].read_text(encoding="utf-8")
LINKS = [(page, target) for page in PAGES for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))]
SETTINGS = [(title, name) for title, section in settings_page.SECTIONS.items() for name in section.model_fields]


PARTS = {name: command.commands if isinstance(command, click.Group) else {"": command} for name, command in main.commands.items()}
COMMANDS = {f"{name} {part}".strip() for name, parts in PARTS.items() for part in parts}


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_each_command_is_in_the_readme(command: str) -> None:
    assert f"tradeflow {command}" in README


@pytest.mark.parametrize("rule", load_contract("signal").column("rule").valid_values)
def test_each_rule_is_in_the_readme(rule: str) -> None:
    assert f"`{rule}`" in README


@pytest.mark.parametrize(("title", "name"), SETTINGS)
def test_each_setting_is_on_the_page_in_its_section(title: str, name: str) -> None:
    section = settings_page.PAGE.read_text(encoding="utf-8").split(f"## `{title}`\n")[1].split("\n## ")[0]
    assert f"| `{name}` |" in section


def test_every_section_is_on_the_page() -> None:
    assert set(Settings.model_fields) == {re.search(r"\w+", title)[0] for title in settings_page.SECTIONS}  # type: ignore[index]


def test_the_settings_page_says_what_the_settings_say() -> None:
    message = "write it anew: python -m tradeflow.settings_page"
    assert settings_page.PAGE.read_text(encoding="utf-8") == settings_page.write_page(), message


@pytest.mark.parametrize(("page", "target"), LINKS, ids=[f"{page.name}: {target}" for page, target in LINKS])
def test_each_link_leads_somewhere(page: Path, target: str) -> None:
    assert (page.parent / target).exists()


@pytest.mark.parametrize("command", sorted(set(re.findall(r"^tradeflow ([a-z-]+)", TEXT, re.MULTILINE))))
def test_no_page_shows_a_command_that_is_not(command: str) -> None:
    assert command in main.commands


@pytest.mark.parametrize("option", sorted(set(re.findall(r"^tradeflow [^\n]*?(?= *#|$)", TEXT, re.MULTILINE))))
def test_no_page_shows_an_option_that_is_not(option: str) -> None:
    words = option.split()
    parts = PARTS[words[1]]
    command = parts.get("") or parts[words[2]]
    known = {name for parameter in command.params for name in parameter.opts} | {"--help"}
    assert {word.partition("=")[0] for word in words if word.startswith("--")} <= known
