"""Do two checkouts report the same?  For changes that are to change no behaviour.

    python tests/benchmarks/same_reports.py OLD NEW [CASE.py ...]

Analyses cases (by default those of tests/cases and the examples of NEW) under all policies with the code of each
checkout, in one environment, and compares JSON and text.  Durations do not count, and neither do fields that only NEW
has.  Prints what differs and exits with 1 if anything does.
"""

from __future__ import annotations

import difflib
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

POLICIES = ("recompile", "drop", "shapes-only", "cuda-graph")
EXAMPLES = ("deepstack/v?.py", "evs/before.py", "evs/after.py", "merging/[bcmr]*_*.py", "moe_scratch/[ab]*.py")
_SECONDS = re.compile(r"\b\d+(\.\d+)? (ms|s|min)\b")


class Reported(NamedTuple):
    cases: dict[str, Any]
    text: list[str]


def reported(checkout: Path, cases: Sequence[str], folder: Path) -> Reported:
    """What the code of a checkout says about cases, which are named from ``folder``."""
    sources = os.pathsep.join(str(checkout / name) for name in ("analyzer", "rules"))
    environment = {**os.environ, "PYTHONPATH": sources, "COLUMNS": "100", "NO_COLOR": "1", "OMP_NUM_THREADS": "1"}
    with tempfile.TemporaryDirectory() as reports:
        options = [word for policy in POLICIES for word in ("--policy", policy)]
        command = [sys.executable, "-m", "steadygraph", "analyze", *cases, *options, "--jobs", "2", "--report", reports]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        document = json.loads(Path(reports, "report.json").read_text(encoding="utf-8"))
    text = _SECONDS.sub("...", done.stdout).splitlines()
    return Reported({case["target"]: case for case in document["cases"]}, text)


def differences(old: Any, new: Any, place: str = "") -> Iterator[str]:
    """What is not the same in two parts of a report, by its place."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in old.keys() - {"duration_s"}:
            if key in new:
                yield from differences(old[key], new[key], f"{place}.{key}")
            else:
                yield f"{place}.{key} is gone"
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, pair in enumerate(zip(old, new, strict=True)):
            yield from differences(*pair, f"{place}[{index}]")
    elif old != new:
        yield f"{place}: {old!r:.200} became {new!r:.200}"


def main() -> int:
    old, new = (Path(argument).resolve() for argument in sys.argv[1:3])
    files = [Path(argument) for argument in sys.argv[3:]] or [
        *sorted((new / "tests" / "cases").glob("*.py")),
        *sorted(file for pattern in EXAMPLES for file in (new / "examples").glob(pattern)),
    ]
    cases = [os.path.relpath(file.resolve(), new) for file in files]
    before, now = (reported(checkout, cases, new) for checkout in (old, new))
    found = [
        f"{target}{one}" for target in before.cases for one in differences(before.cases[target], now.cases[target])
    ]
    found += difflib.unified_diff(before.text, now.text, "old", "new", lineterm="", n=1)
    print(*found, f"{len(cases)} cases, {'not the same' if found else 'the same'}", sep="\n")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
