"""The template for a pack of rules, installed beside the built-in ones, and the page that explains it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from steadygraph.rule import pages

from .conftest import Ran
from .test_readme import blocks

Cli = Callable[..., Ran]

TEMPLATE = Path("examples", "rule_pack")
PAGE = Path("docs", "how-to", "write-a-rule.md")

#: A defect for the pack, and one for a built-in rule.
CASE = """
    import torch
    class Double(torch.nn.Module):
        def forward(self, x, extra=None):
            return x * 2 if extra is None else x * 2 + extra
    def build(): return Double()
    def profile(): return (torch.ones(3, dtype=torch.float64),), {}
    def serving(): return {"extra": ((torch.zeros(3, dtype=torch.float64), torch.ones(3)), {})}
"""


class Installed(NamedTuple):
    """A copy of the template, and the folder that it is installed into."""

    source: Path
    site: Path


@pytest.fixture(scope="module")
def installed(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    source, site = tmp_path_factory.mktemp("source") / "rule_pack", tmp_path_factory.mktemp("site")
    shutil.copytree(repository / TEMPLATE, source)
    # Nothing is fetched: the back end is the one that this project itself is built with.
    options = ("--quiet", "--no-index", "--no-deps", "--no-build-isolation", "--disable-pip-version-check")
    subprocess.run([sys.executable, "-m", "pip", "install", *options, "--target", site, source], check=True)
    return Installed(source, site)


@pytest.fixture
def with_pack(installed: Installed, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cli]:
    """The command line in an environment that has the pack installed."""
    monkeypatch.syspath_prepend(installed.site)
    yield cli
    for name in [name for name in sys.modules if name.partition(".")[0] == "rule_pack"]:
        del sys.modules[name]


def test_its_rule_is_listed_and_explained(with_pack: Cli) -> None:
    listed, explained = with_pack("rules"), with_pack("rules", "float64-argument")

    assert {"EX101", "SG101"} <= {line.split()[0] for line in listed.out.splitlines()}
    assert explained.out.startswith("EX101 float64-argument (dtype)\n\nAn argument in double precision.\n\n")
    assert (listed.err, explained.err) == ("", "")


def test_its_rule_reports_beside_the_built_in_ones(with_pack: Cli, write_case: Callable[..., Path]) -> None:
    write_case(CASE)

    ran = with_pack("analyze", "case.py", "--format", "json")

    (case,) = json.loads(ran.out)["cases"]
    found = [(f["scenario"], f["rule"], f["path"]) for f in case["findings"]]
    assert (ran.code, ran.err, case["rule_problems"]) == (1, "", [])
    assert found == [("extra", "SG101", "extra"), ("profile", "EX101", "args[0]"), ("extra", "EX101", "args[0]")]


def test_its_own_tests_pass(installed: Installed) -> None:
    paths = [str(installed.site), *filter(None, [os.environ.get("PYTHONPATH")])]

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"],
        cwd=installed.source,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout
    assert "3 passed" in done.stdout


@pytest.mark.usefixtures("with_pack")
def test_its_pages_are_written_like_those_of_the_built_in_rules(tmp_path: Path) -> None:
    pages.main([str(tmp_path), "--pack", "rule-pack"])

    assert sorted(file.name for file in tmp_path.iterdir()) == ["EX101.md", "index.md"]


@pytest.mark.parametrize("language", ["python", "toml"])
def test_what_the_page_shows_stands_in_the_template(repository: Path, language: str) -> None:
    shown = blocks(repository / PAGE, language)

    assert shown
    for note, text in shown:
        file = (repository / note.removeprefix("from ")).read_text(encoding="utf-8")
        assert text in file or textwrap.indent(text, "    ") in file
