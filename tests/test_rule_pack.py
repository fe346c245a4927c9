"""The template for a pack of rules, installed beside the built-in ones, and the page that explains it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from .test_readme import blocks

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


@pytest.fixture(scope="module")
def run(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., subprocess.CompletedProcess[str]]:
    """``run("-m", "steadygraph", "rules", cwd=...)``: Python in an environment that has the pack installed."""
    source, site = tmp_path_factory.mktemp("source") / "rule_pack", tmp_path_factory.mktemp("site")
    shutil.copytree(repository / TEMPLATE, source)
    # Nothing is fetched: the back end is the one that this project itself is built with.
    options = ("--quiet", "--no-index", "--no-deps", "--no-build-isolation", "--disable-pip-version-check")
    subprocess.run([sys.executable, "-m", "pip", "install", *options, "--target", site, source], check=True)
    paths = [str(site), *filter(None, [os.environ.get("PYTHONPATH")])]

    def python(*arguments: str | Path, cwd: Path = source) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=cwd,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
            capture_output=True,
            text=True,
            check=False,
        )

    return python


Run = Callable[..., "subprocess.CompletedProcess[str]"]


def test_its_rule_is_listed_and_explained(run: Run) -> None:
    listed, explained = run("-m", "steadygraph", "rules"), run("-m", "steadygraph", "rules", "float64-argument")

    assert {"EX101", "SG101"} <= {line.split()[0] for line in listed.stdout.splitlines()}
    assert explained.stdout.startswith("EX101 float64-argument (dtype)\n\nAn argument in double precision.\n\n")
    assert (listed.stderr, explained.stderr) == ("", "")


def test_its_rule_reports_beside_the_built_in_ones(run: Run, write_case: Callable[..., Path], tmp_path: Path) -> None:
    write_case(CASE)

    done = run("-m", "steadygraph", "analyze", "case.py", "--format", "json", cwd=tmp_path)

    (case,) = json.loads(done.stdout)["cases"]
    found = [(f["scenario"], f["rule"], f["path"]) for f in case["findings"]]
    assert (done.returncode, done.stderr, case["rule_problems"]) == (1, "", [])
    assert found == [("extra", "SG101", "extra"), ("profile", "EX101", "args[0]"), ("extra", "EX101", "args[0]")]


def test_its_own_tests_pass(run: Run) -> None:
    done = run("-m", "pytest", "-q", "-p", "no:cacheprovider", "tests")

    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout


def test_its_pages_are_written_like_those_of_the_built_in_rules(run: Run, tmp_path: Path) -> None:
    done = run("-m", "steadygraph.rule.pages", tmp_path, "--pack", "rule-pack")

    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["EX101.md", "index.md"]


@pytest.mark.parametrize("language", ["python", "toml"])
def test_what_the_page_shows_stands_in_the_template(repository: Path, language: str) -> None:
    shown = blocks(repository / PAGE, language)

    assert shown
    for note, text in shown:
        file = (repository / note.removeprefix("from ")).read_text(encoding="utf-8")
        assert text in file or textwrap.indent(text, "    ") in file
