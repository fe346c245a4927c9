"""The text of a first case, and of a first test."""

from __future__ import annotations

import os
import re
from pathlib import Path

from steadygraph.engine.starter.trials import Tried

_EXAMPLE = '''\
class Attention(torch.nn.Module):
    """An example: put your own model in its place."""

    def forward(self, x, mask=None):
        scores = x @ x.transpose(-1, -2)
        if mask is not None:
            scores = scores.masked_fill(~mask, float("-inf"))
        return scores.softmax(-1) @ x
'''
_MORE = """\
# What a case may also say; see docs/reference/case-files.md:
#
# def mark(args, kwargs):                 # dimensions that are dynamic at warm-up
#     torch._dynamo.mark_dynamic(kwargs["x"], 0)
# def context(name):                      # around each call
#     return torch.inference_mode()
# def regions(model):                     # what is compiled, where that is not all of the model
#     return [model.decoder]
# COMPILE = {"dynamic": True}             # further keywords of torch.compile
# DEVICE = "cuda"                         # simulated where there is none
"""


def case(tried: Tried, imported: str) -> str:
    """A case file.

    Args:
        tried: What it builds and calls.
        imported: The lines that import the class.
    """
    serving = "\n".join(f'        "{name}": ({call}),' for name, call in tried.serving.items())
    return f'''"""Run with: steadygraph analyze FILE"""

{imported}

def build():
    """The model as it is served; small sizes and random weights will do."""
{_todo(tried)}    return {tried.built}.eval()


def profile():
    """The warm-up call, for which the deployment compiles: positional arguments, named arguments."""
    return {tried.profile}


def serving():
    """Calls that come later, in their order; add those that differ: another mask, flag, dtype or size."""
    return {{
{serving or '        # "a name": ((x,), {"mask": mask}),'}
    }}


{_MORE}'''


def test(tried: Tried, imported: str, name: str) -> str:
    """A test module for pytest; arguments as of :func:`case`, and the name of the class."""
    calls = "\n".join(f"        {_snake(key)}={call.named}," for key, call in tried.serving.items())
    return f'''"""Run with: pytest FILE"""

{imported}

def test_{_snake(name)}_is_stable(steadygraph):
    """Fails where the graph of the warm-up call does not fit one of the others."""
{_todo(tried)}    model = {tried.built}.eval()

    steadygraph(
        model,
        profile={tried.profile.named},
{calls or "        # a_name={...},  # a serving call"}
    )
'''


def example() -> str:
    """What is imported where no class is named: a model in the file itself."""
    return f"import torch\n\n\n{_EXAMPLE}"


def import_of(module: str, name: str, folder: Path | None, beside: Path) -> str:
    """The lines that import a class.

    Args:
        module: Where it is.
        name: Its dotted name.
        folder: What has to be on the search path; None: it is found anyway.
        beside: The folder of the case, which is on it.
    """
    lines = ["import torch", "", f"from {module} import {name.partition('.')[0]}"]
    if folder is not None and folder.resolve() != beside.resolve():
        path = os.path.relpath(folder.resolve(), beside.resolve())
        found = f'sys.path.insert(0, str(Path(__file__).resolve().parent / "{path}"))'
        lines = ["import sys", "from pathlib import Path", "", "import torch", "", found, lines[-1] + "  # noqa: E402"]
    return "\n".join([*lines, ""])


def file_name(name: str, *, pytest: bool) -> str:
    return f"{'test' if pytest else 'case'}_{_snake(name)}.py"


def _todo(tried: Tried) -> str:
    return f"    # TODO: {' '.join(tried.problem.split())}\n" if tried.problem else ""


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|\W+", "_", name).lower()
