"""What the pages tell a reader to type or to open is real."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import Demo, Ran

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")])

#: A fenced block, and the comment right above it.
_BLOCK = re.compile(r"(?:^<!-- (.*) -->\n)?^```(\w+)\n((?:.*\n)*?)```$", re.MULTILINE)
_LINK = re.compile(r"\]\((?!https?://|#)([^)#]+)(?:#[^)]*)?\)")

Cli = Callable[..., Ran]


def blocks(page: Path, language: str) -> list[tuple[str, str]]:
    """(note in the comment above, text) of each fenced block in that language."""
    text = page.read_text(encoding="utf-8")
    return [(note, body) for note, written_in, body in _BLOCK.findall(text) if written_in == language]


def commands() -> list[tuple[Path, str]]:
    """Every line that a reader may type, ``$`` and trailing comment removed."""
    return [
        (page, line.removeprefix("$ ").split("  #")[0].strip())
        for page in PAGES
        for _, text in blocks(page, "console")
        for line in text.splitlines()
        if line.startswith("$ ")
    ]


def named(value: object) -> str:
    return str(value.relative_to(ROOT)) if isinstance(value, Path) else str(value)


def test_the_readme_is_among_the_pages_and_has_commands() -> None:
    assert ROOT / "README.md" in PAGES
    assert {"make demo", "make test"} <= {command for page, command in commands() if page.name == "README.md"}


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_a_link_leads_to_a_file(page: Path) -> None:
    links = _LINK.findall(page.read_text(encoding="utf-8"))

    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_python_on_a_page_is_python(page: Path) -> None:
    for _, text in blocks(page, "python"):
        ast.parse(text)


@pytest.mark.parametrize(("page", "command"), [c for c in commands() if c[1].startswith("make")], ids=named)
def test_a_target_of_make_exists(page: Path, command: str) -> None:
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)

    assert command.split()[1] in targets


@pytest.mark.parametrize(("page", "command"), [c for c in commands() if c[1].startswith("steadygraph")], ids=named)
def test_a_command_of_steadygraph_exists_with_its_options(cli: Cli, page: Path, command: str) -> None:
    _, subcommand, *arguments = shlex.split(command)

    manual = cli(subcommand, "--help")

    assert manual.code == 0, manual.err
    assert [a for a in arguments if a.startswith("--") and a.split("=")[0] not in manual.out] == []


def test_the_readme_shows_what_the_demo_prints(demo: Demo) -> None:
    (shown,) = [text for note, text in blocks(ROOT / "README.md", "text") if note == "demo output"]

    # How many guards torch makes depends on the version of Python.
    assert without_guards(shown) == without_guards(demo.shown)


def without_guards(text: str) -> str:
    return re.sub(r"[\d,]+ guards", "N guards", text)


def test_the_case_of_the_readme_ends_as_the_readme_says(cli: Cli, tmp_path: Path) -> None:
    readme = ROOT / "README.md"
    (file, text), *_ = [block for block in blocks(readme, "python") if block[0].startswith("file: ")]
    (exit_code, command), *_ = [block for block in blocks(readme, "console") if block[0].startswith("exit code: ")]
    (tmp_path / file.removeprefix("file: ")).write_text(text, encoding="utf-8")

    done = cli(*shlex.split(command)[2:])

    assert f"exit code: {done.code}" == exit_code, done.err
    assert "mask" in done.out
    assert "silent" in done.out
