"""What a test that failed says."""

from __future__ import annotations

import pytest
from tests.plugin.conftest import Run, section

from steadygraph.testing.failure_text import MOST_LINES, joined

MANY = """
import torch

NAMES = [f"state_{number}" for number in range(12)]


class Decoder(torch.nn.Module):
    def forward(self, x, **states):
        for name in NAMES:
            if states.get(name) is not None:
                x = x + states[name]
        return x * 2


def build():
    return Decoder()


def profile():
    return (torch.ones(3),), dict.fromkeys(NAMES)


def serving():
    return {"image": ((torch.ones(3),), {name: torch.ones(3) for name in NAMES})}
"""


def test_a_failure_tells_what_changed_where_it_matters_and_what_to_do(cases: pytest.Pytester, run: Run) -> None:
    found = run("--steadygraph", "cases/case_broken.py")

    assert section(found, "image[recompile] of cases/case_broken.py") == (
        "image under recompile: recompiles (1)\n"
        "  warning SG101 none-at-profile [image]\n"
        "    recompiles under recompile (1 new compilation)\n"
        "    argument `image` is None at profile, torch.float32[3] on cpu at serving\n"
        "    cases/case_broken.py:7 in forward: if image is not None:\n"
        "    the profile graph lacks 1 input (image) and 1 x add\n"
        "    fix: Pass zeros (ones where it multiplies) in the profile call and in every\n"
        "         serving call that has none: same type, keys, shapes, dtypes and device."
    )
    assert section(found, "image[drop] of cases/case_broken.py") == (
        "image under drop: silent-wrong (2)\n"
        "  error SG101 none-at-profile [image]: silently wrong under drop, off by 2\n"
        "    argument `image` is None at profile, torch.float32[3] on cpu at serving\n"
        "    cases/case_broken.py:7 in forward: if image is not None:\n"
        "    the profile graph lacks 1 input (image) and 1 x add\n"
        "    fix: Pass zeros (ones where it multiplies) in the profile call and in every\n"
        "         serving call that has none: same type, keys, shapes, dtypes and device."
    )


def test_a_failure_has_at_most_25_lines(cases: pytest.Pytester, run: Run) -> None:
    (cases.path / "cases" / "case_many.py").write_text(MANY, encoding="utf-8")

    found = run("--steadygraph", "cases/case_many.py")

    text = section(found, "image[drop] of cases/case_many.py").splitlines()
    assert text[0].startswith("image under drop: silent-wrong")
    assert any(line.startswith("    fix: ") for line in text)
    assert len(text) <= 25


def test_what_is_left_out_stands_in_the_report() -> None:
    lines = [f"line {number}" for number in range(40)]

    text = joined(lines, report=None, last=1).split("\n")

    assert len(text) == MOST_LINES == 25
    assert text[:2] == ["line 0", "line 1"]
    assert text[-3:] == ["line 22", "... 16 more lines: --steadygraph-report DIR writes them", "line 39"]
    assert joined(lines[:25], report=None).split("\n") == lines[:25]
