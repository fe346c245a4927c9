"""What the tests said with each release of torch and Python: the table "What was run" of docs/reference/limits.md.

A run is recorded with the interpreter that the tests were run with, from what pytest wrote, and the table is made of
all records::

    python -m pytest --junitxml=build/tests.xml
    python tests/releases/runs.py record build/tests.xml
    python tests/releases/runs.py
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import platform
import re
import sys
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PAGE = ROOT / "docs" / "reference" / "limits.md"
#: What is between these lines of the page is written here.
BEGIN, END = "<!-- made by python tests/releases/runs.py -->", "<!-- end -->"
#: The labelled cases are tests of this module.
CASES = "tests.test_cases"
#: What the cost of an analysis is taken from.
COST_OF = "demo decoder"


@dataclass(frozen=True)
class Run:
    """The tests, run with one release of torch and Python.

    Args:
        built_for: What torch was built for: ``CPU`` or ``CUDA 13.0``.
        parts: Files and folders of ``tests`` that were run.
        left_out: Those that were not.
        cases: How many labelled cases were analysed, and how many of them were reported as they are labelled.
        failed: The names of tests that failed.
        skipped: How many tests each reason kept from running.
        cost: How long an analysis takes, as a multiple of compiling the model and making the same calls.
    """

    torch: str
    built_for: str
    python: str
    transformers: str
    parts: tuple[str, ...]
    left_out: tuple[str, ...]
    cases: tuple[int, int]
    passed: int
    failed: tuple[str, ...]
    skipped: dict[str, int]
    cost: float | None

    @property
    def order(self) -> tuple[list[int], list[int]]:
        return _numbers(self.torch), _numbers(self.python)

    @property
    def file(self) -> Path:
        return HERE / f"torch-{self.torch}-python-{self.python}.json"


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)]


def recorded(files: Iterable[Path], cost: float | None) -> Run:
    """What this interpreter ran, as pytest wrote it; of a test that was run again the last time counts."""
    import torch

    tests = {
        (test.get("classname"), test.get("name")): test for file in files for test in ET.parse(file).iter("testcase")
    }
    ended = {key: _ended(test) for key, test in tests.items()}
    parts = {str(module).split(".")[1] for module, _ in tests}
    cases = [how for (module, _), how in ended.items() if module == CASES]
    return Run(
        torch=torch.__version__.partition("+")[0],
        built_for=f"CUDA {torch.version.cuda}" if torch.version.cuda else "CPU",
        python=platform.python_version(),
        transformers=importlib.metadata.version("transformers"),
        parts=tuple(sorted(parts)),
        left_out=tuple(sorted(_parts() - parts)),
        cases=(len(cases), cases.count("passed")),
        passed=list(ended.values()).count("passed"),
        failed=tuple(sorted(f"{module}::{name}" for (module, name), how in ended.items() if how == "failed")),
        skipped=dict(sorted(Counter(how for how in ended.values() if how not in ("passed", "failed")).items())),
        cost=cost,
    )


def _ended(test: ET.Element) -> str:
    """``passed``, ``failed``, or why it was skipped."""
    if test.find("failure") is not None or test.find("error") is not None:
        return "failed"
    skipped = test.find("skipped")
    return "passed" if skipped is None else str(skipped.get("message"))


def _parts() -> set[str]:
    tests = ROOT / "tests"
    return {path.relative_to(tests).parts[0].removesuffix(".py") for path in tests.rglob("test_*.py")}


def measured_cost(rounds: int) -> float:
    sys.path.insert(0, str(ROOT / "tests" / "benchmarks"))
    import analysis_cost

    return round(analysis_cost.compare(COST_OF, rounds), 2)


def runs() -> list[Run]:
    """All that are recorded, the oldest release first."""
    return sorted(map(_read, HERE.glob("*.json")), key=lambda run: run.order)


def _read(file: Path) -> Run:
    told = json.loads(file.read_text(encoding="utf-8"))
    return Run(**{name: tuple(value) if isinstance(value, list) else value for name, value in told.items()})


def table(run_with: Sequence[Run]) -> Iterator[str]:
    """The lines of the page: a row for each release, then what was not run, skipped and failed, with each reason."""
    yield "| torch | built for | Python | cases as labelled | tests passed | failed | skipped | cost of an analysis |"
    yield "|---" * 8 + "|"
    for run in run_with:
        cost = "not measured" if run.cost is None else f"{run.cost:.2f}"
        cells = [run.torch, run.built_for, run.python, f"{run.cases[1]} of {run.cases[0]}", f"{run.passed:,}"]
        yield f"| {' | '.join([*cells, str(len(run.failed)), str(sum(run.skipped.values())), cost])} |"
    yield ""
    for run in run_with:
        yield from _remarks(run)


def _remarks(run: Run) -> Iterator[str]:
    release = f"torch {run.torch}, Python {run.python}"
    if len(run.parts) < len(run.left_out):
        yield f"* {release}: the tests in {_listed(run.parts)} alone."
    elif run.left_out:
        yield f"* {release}: without the tests in {_listed(run.left_out)}."
    for reason, count in run.skipped.items():
        yield f"* {release}: {count} skipped: {reason.removeprefix('Skipped: ')}."
    for name in run.failed:
        yield f"* {release}: `{name}` failed."


def _listed(parts: Iterable[str]) -> str:
    return ", ".join(f"`{part}`" for part in parts)


def written(text: str, lines: Iterable[str]) -> str:
    """The page with these lines in their place."""
    place = re.compile(f"({re.escape(BEGIN)}\n).*?({re.escape(END)})", re.DOTALL)
    new, places = place.subn(lambda match: "\n".join([BEGIN, *lines, END]), text)
    if places != 1:
        raise SystemExit(f"{PAGE.name} has {places} places for the table, and 1 is needed:\n{BEGIN}\n{END}")
    return new


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    record = parser.add_subparsers(dest="command").add_parser("record", help="keep a run of this interpreter")
    record.add_argument("files", nargs="+", type=Path, help="what pytest wrote with --junitxml")
    record.add_argument(
        "--rounds", type=int, default=5, help="how often the cost is measured; 0: it stays as it is recorded"
    )
    options = parser.parse_args()
    if options.command is None:
        PAGE.write_text(written(PAGE.read_text(encoding="utf-8"), table(runs())), encoding="utf-8")
        return
    run = recorded(options.files, measured_cost(options.rounds) if options.rounds else None)
    if not options.rounds and run.file.exists():
        run = replace(run, cost=_read(run.file).cost)
    run.file.write_text(json.dumps(asdict(run), indent=2) + "\n", encoding="utf-8")
    print(run.file)


if __name__ == "__main__":
    main()
