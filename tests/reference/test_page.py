"""The code on the page about the reference implementations runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "reference-implementations.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def test_the_page_has_code_for_each_module() -> None:
    found = {name for block in BLOCKS for name in re.findall(r"from steadygraph\.reference\.(\w+) import", block)}

    assert {"deepstack", "masking", "moe"} <= found


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_code_on_the_page_runs_and_its_assertions_hold(number: int) -> None:
    exec(compile(BLOCKS[number], f"{PAGE.name}, block {number + 1}", "exec"), {"__name__": "page"})
