"""The texts of small cases: one module, its calls, and what changes when a fix is followed."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

_CASE = """\
import torch
from torch import nn
{top}
class Net(nn.Module):
    def __init__(self):
        super().__init__()
{init}

    def forward(self, {takes}):
{forward}

def build():
    return Net().eval()

def profile():
    return ({profile},), {{}}

def serving():
    return {{
{serving}
    }}
{more}"""
_APART = """\
import torch
from torch import nn

class One(nn.Module):
    def forward(self, {takes}):
        return {one}

class Other(nn.Module):
    def forward(self, {takes}):
        return {other}

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.other = One(), Other()

    def forward(self, {takes}, {chosen_by}, *rest):
        out = (self.one if {choose} else self.other)({takes})
        return self(*rest) if rest else out

def build():
    return Net().eval()

def regions(model):
    return [model.one, model.other]

def profile():
    return ({profile},), {{}}

def serving():
    return {{
{serving}
    }}
{more}"""


def case(
    forward: str,
    *,
    profile: str = "torch.ones(4)",
    serving: str | Mapping[str, str] = "torch.arange(4.0)",
    takes: str = "x",
    init: str = "pass",
    top: str = "",
    more: str = "",
) -> str:
    """A case of one module.

    Args:
        forward: The body of its forward.
        profile: The arguments of the profile call.
        serving: Those of each scenario by its name, or those of the only one, "step".
        takes: The parameters of forward.
        init: The body of ``__init__``.
        top: What stands above the class.
        more: What stands below everything.
    """
    return _CASE.format(
        forward=_indented(forward, 8),
        profile=profile,
        serving=_scenarios(serving),
        takes=takes,
        init=_indented(init, 8),
        top=_indented(top, 0),
        more=_indented(more, 0),
    )


def apart(
    one: str,
    other: str,
    *,
    choose: str,
    chosen_by: str,
    profile: str,
    serving: str | Mapping[str, str],
    takes: str = "x",
    more: str = "",
) -> str:
    """A case of two modules, each compiled for itself, of which Python chooses one.

    Args:
        one: What the first module returns.
        other: What the second one returns.
        choose: The condition under which it is the first one.
        chosen_by: The parameter that the condition is about, which no module gets.
        profile: The arguments of two calls, one behind the other: the warm-up goes both ways.
        serving: Those of each scenario by its name, or those of the only one, "step".
        takes: The parameter of both modules.
        more: What stands below everything.
    """
    return _APART.format(
        one=one,
        other=other,
        choose=choose,
        chosen_by=chosen_by,
        profile=profile,
        serving=_scenarios(serving),
        takes=takes,
        more=_indented(more, 0),
    )


def changed(text: str, *changes: tuple[str, str]) -> str:
    """The text with each of these pieces, which stands in it once, in another way."""
    for before, after in changes:
        assert text.count(before) == 1, f"{before!r} stands {text.count(before)} times in\n{text}"
        text = text.replace(before, after)
    return text


def _scenarios(serving: str | Mapping[str, str]) -> str:
    calls = {"step": serving} if isinstance(serving, str) else serving
    return "\n".join(f'        "{name}": (({arguments},), {{}}),' for name, arguments in calls.items())


def _indented(text: str, columns: int) -> str:
    return textwrap.indent(textwrap.dedent(text).strip("\n"), " " * columns)
