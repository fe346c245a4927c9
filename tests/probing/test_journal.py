"""A changed call that ends the process costs neither those before it nor those after it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from steadygraph.engine.probing.journal import Journal, file_of, has_ended
from steadygraph.model import Change, Probe, Probed, Result

from ..conftest import Ran

CRASHING = """
import os
import torch


class Model(torch.nn.Module):
    def forward(self, x, mask=None, n=2):
        if x.dtype == torch.float64:
            os.abort()
        if n == 3:
            os._exit(5)
        return x * n if mask is None else x * n + mask


def build():
    return Model()


def profile():
    return (torch.ones(3, 4), None), {}
"""
MASK, SIZE = (Probe(path, Change.NONE, "None", "float32[3]") for path in ("mask", "size"))


def test_calls_that_end_the_process_are_told_beside_all_others(tmp_path: Path, cli: Callable[..., Ran]) -> None:
    (tmp_path / "case.py").write_text(CRASHING)

    done = cli("probe", "case.py", "--format", "json", "--seconds", "30", "--max-probes", "40", "--quiet")

    (case,) = json.loads(done.out)["cases"]
    assert (done.code, case["error"]) == (0, None)
    probes = case["sensitivity"]["probes"]
    ended = {one["probe"]["path"]: one["ended"] for one in probes if one["ended"] is not None}
    assert ended["n"] == "the target ended its process with exit code 5"
    assert ended["x"].startswith("the target was ended by signal SIGABRT")
    assert len(ended) == 2
    (wrong,) = {
        one["location"]["line"]
        for one in probes
        if one["probe"]["path"] == "mask" and any(each["result"] == Result.SILENT_WRONG for each in one["outcomes"])
    }
    assert CRASHING.splitlines()[wrong - 1].strip().startswith("return x * n if mask is None")


def test_a_journal_says_what_was_tried_and_in_which_call_a_process_ended(tmp_path: Path) -> None:
    file = file_of(tmp_path, "case.py")
    first = Journal(file)
    first.begins(MASK.name)
    first.has_tried(Probed(MASK))
    first.begins(SIZE.name)

    assert has_ended(file, "killed")

    second = Journal(file)
    assert second.tried == {MASK: Probed(MASK)}
    assert second.ended == {SIZE.name: "killed"}


def test_a_process_that_ended_between_two_calls_is_none_of_theirs(tmp_path: Path) -> None:
    file = file_of(tmp_path, "case.py")
    journal = Journal(file)

    assert not has_ended(file, "killed")
    journal.begins(MASK.name)
    journal.has_tried(Probed(MASK))
    assert not has_ended(file, "killed")
    assert Journal(file).ended == {}


def test_a_line_that_was_cut_is_left_out(tmp_path: Path) -> None:
    file = file_of(tmp_path, "case.py")
    Journal(file).begins(MASK.name)
    with file.open("a") as lines:
        lines.write('\n["tried", "{')

    assert has_ended(file, "killed")
    assert Journal(file).tried == {}
