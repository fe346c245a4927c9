"""Reports that try to break whatever shows them: strategies for property tests, and one report of huge texts."""

from __future__ import annotations

import dataclasses
import enum
import types
import typing
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from steadygraph.model import (
    CaseReport,
    Consequence,
    ContainerNode,
    CycleNode,
    Node,
    NoneNode,
    OpaqueNode,
    Policy,
    Recording,
    RunRecording,
    TensorNode,
    ValueNode,
)
from steadygraph.model.run import FAIL_ON, RunReport

#: The project root that the paths below lie in.
ROOT = Path("/srv/project")

NASTY = (
    "\x1b[31mred\x1b[0m",
    "[bold]markup[/bold] :warning:",
    "\ud800",
    "\udcff\udc00",
    "\u202etxet",
    "a\r\nb\vc\u2028d\x85e",
    "\x00\x07\x7f\x9b",
    "</script>]]>&\"'\\",
    "/srv/project//srv/project/x",
    "\x1b[35m/srv/project/x\x1b[0m",
    "/home/ada",
    "C:\\Users\\ada\\x",
    "<X object at 0x7f2a4c0d1e50>",
    "___check_obj_id(L['x'], 140123456789012)",
    "tensor([1.5, 2.5])",
    "量子 é e\u0301 👩\u200d🔬",
    "w" * 300,
    " ",
    "{}",
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "[link](javascript:alert(1)) ![i](https://example.com/i.png) https://example.com www.example.com",
    "| a | b |\n|---|---|\n# title\n> quote\n- item\n```\n",
    "`` ` `code` *bold* _it_ ~~no~~ &lt; &#60; $x$ \\",
    "\n::error file=x::y\n##[error]z %0A%0D, a:b",
    "--><!-- <!DOCTYPE x [<!ENTITY e 'x'>]>&e;",
    "{0} {{1}} %s %(x)s",
    "../../etc/passwd",
    "\ufffe\uffff\U000e0001",
)
fragments = st.lists(st.sampled_from(NASTY) | st.text(st.characters(), max_size=20), max_size=3)
thorough = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def values(annotation: Any, texts: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    """Any value of an annotation of the model, with these texts in it."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if annotation == Node:
        return nodes(texts)
    if origin in (typing.Union, types.UnionType):
        return st.one_of([values(each, texts) for each in arguments])
    if annotation == tuple[tuple[str, int], ...]:  # operators and their counts: each operator once
        return st.dictionaries(texts, st.integers(0, 9), max_size=2).map(lambda ops: tuple(sorted(ops.items())))
    if annotation == tuple[tuple[Policy, Consequence], ...]:  # each policy once
        return st.dictionaries(st.sampled_from(Policy), st.sampled_from(Consequence)).map(
            lambda each: tuple(each.items())
        )
    if origin is tuple and arguments[1:] == (Ellipsis,):
        return st.lists(values(arguments[0], texts), max_size=2).map(tuple)
    if origin is tuple:
        return st.tuples(*(values(each, texts) for each in arguments))
    if dataclasses.is_dataclass(annotation):
        cls: Any = annotation
        fields = {name: values(hint, texts) for name, hint in typing.get_type_hints(cls).items()}
        if "duration_s" in fields:
            fields["duration_s"] = st.floats(min_value=0, allow_infinity=False)  # between two readings of a clock
        return st.builds(cls, **fields)
    if isinstance(annotation, enum.EnumType):
        return st.sampled_from(list(annotation))
    simple: dict[Any, st.SearchStrategy[Any]] = {
        str: texts,
        int: st.integers(0, 10**6),
        bool: st.booleans(),
        float: st.floats(min_value=0),
        type(None): st.none(),
    }
    return simple[annotation]


def nodes(texts: st.SearchStrategy[str]) -> st.SearchStrategy[Node]:
    """Trees of arguments; those without a leaf among them."""
    leaves = [values(kind, texts) for kind in (NoneNode, TensorNode, ValueNode, OpaqueNode, CycleNode)]
    return st.recursive(
        st.one_of(leaves),
        lambda below: st.builds(
            ContainerNode, type=texts, children=st.lists(st.tuples(texts, below), max_size=3).map(tuple)
        ),
        max_leaves=6,
    )


def reports_of(texts: st.SearchStrategy[str]) -> st.SearchStrategy[RunReport]:
    """Reports with these texts in every field that holds text."""
    return st.builds(
        RunReport,
        cases=st.lists(values(CaseReport, texts), max_size=2).map(tuple),
        environment=st.dictionaries(texts, texts, max_size=2),
        tool_version=texts,
        fail_on=st.sampled_from(FAIL_ON),
        interrupted=st.booleans(),
    )


def recordings_of(texts: st.SearchStrategy[str]) -> st.SearchStrategy[RunRecording]:
    """Recordings with these texts in every field that holds text."""
    return st.builds(
        RunRecording,
        recordings=st.lists(values(Recording, texts), max_size=2).map(tuple),
        environment=st.dictionaries(texts, texts, max_size=2),
        tool_version=texts,
        interrupted=st.booleans(),
    )


#: Reports of any shape, with anything that Unicode has in their texts.
reports = reports_of(fragments.map("".join))


def with_text(value: Any, text: str) -> Any:
    """The same value with this text in place of every text."""
    if type(value) is str:
        return text
    if isinstance(value, tuple):
        return tuple(with_text(part, text) for part in value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        parts = {each.name: with_text(getattr(value, each.name), text) for each in dataclasses.fields(value)}
        return dataclasses.replace(value, **parts)
    return value
