"""Every fix that a rule can print, followed to the letter: nothing is left to report, and the results are right.

The sentences that can be printed are read off the sources of the rules: whoever adds one adds an example of it, to the
rule (``Example.fix`` and ``fixed``) or to the tables in ``fixes``.
"""

from __future__ import annotations

import ast
import contextlib
import inspect
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import steadygraph_rules
from steadygraph.model import CaseReport, Severity
from steadygraph.rule import Example
from steadygraph.rule.packs import load_rules

from .fixes import graph, modules, specialization, state, structure, syncs

TABLES = (structure, specialization, modules, state, graph)
FOLLOWED: tuple[tuple[str, Example], ...] = (
    *((rule.code, example) for rule in load_rules() for example in rule.flagged if example.fix),
    *(entry for table in TABLES for entry in table.EXAMPLES),
)
#: Sentences for which there is nothing to follow, and why.
NOT_FOLLOWED = {
    "Make `x` satisfy the guard in every call.": "no guard is known that no other rule knows",
    "Make what differs between the two calls equal, one thing at a time, to find the cause.": "none is known",
    "Remove what makes the frame compile again and again.": "no one value tells its entries apart",
    "Look for what holds nan before the call, or is read before it was written (torch.empty).": "no place is known",
    "Look for a value that is read, or for a copy, on this line.": "a line that CUDA alone names, by no operator",
}


def report_of(file: Path) -> CaseReport:
    from steadygraph.case.case import load
    from steadygraph.config import Settings
    from steadygraph.engine.engine import analyze_case

    return analyze_case(load(str(file)), Settings())


def loud(report: CaseReport) -> set[str]:
    """The rules that report more than a note."""
    return {f.rule for f in report.findings if f.severity is not Severity.NOTE}


def printed(report: CaseReport, code: str) -> list[tuple[str, str]]:
    """(scenario, what is to be done) of every finding of a rule."""
    return sorted((f.scenario, f.fix) for f in report.findings if f.rule == code and f.allowed is None)


@pytest.mark.parametrize(("code", "example"), [pytest.param(*one, id=f"{one[0]}: {one[1].title}") for one in FOLLOWED])
def test_a_fix_that_was_followed_leaves_nothing_to_report_and_the_right_results(
    code: str, example: Example, write_case: Callable[..., Path]
) -> None:
    before = report_of(write_case(example.case))
    after = [report_of(write_case(text, f"case_{number}.py")) for number, text in enumerate(example.fixed)]

    assert printed(before, code) == sorted((scenario, example.fix) for scenario in example.scenarios)
    assert loud(before) <= {code, *example.also}
    assert after
    for report in after:
        assert report.status == "completed"
        assert loud(report) <= {*example.also} - {code}
    for text in example.fixed:
        same_results(outputs(example.case, right=True), outputs(text), RIGHT.get(example.title))


def test_lines_that_make_the_host_wait_do_so_no_longer_once_their_fixes_were_followed(
    write_case: Callable[..., Path],
) -> None:
    before = report_of(write_case(syncs.text(None)))
    after = [report_of(write_case(syncs.text(way), f"case_{way}.py")) for way in range(syncs.WAYS)]

    assert printed(before, "SG402") == sorted(syncs.SCENARIOS.items())
    for report in after:
        assert [(f.scenario, f.message) for f in report.findings if f.allowed is None] == []
    for way in range(syncs.WAYS):
        same_results(outputs(syncs.text(None)), outputs(syncs.text(way)))


# --- results ------------------------------------------------------------------------------------------------


def same_results(before: dict[str, Any], after: dict[str, Any], right: Callable[[], Any] | None = None) -> None:
    """Every serving call returns what eager mode returned before; where that raised, what is right."""
    import torch

    for name in before.keys() - {"profile"}:  # what warm-up returns nobody sees
        expected = right() if right is not None and _is_wrong(before[name]) else before[name]
        torch.testing.assert_close(after[name], expected, check_dtype=False, check_stride=False)


def _is_wrong(result: Any) -> bool:
    import torch

    return isinstance(result, Exception) or (isinstance(result, torch.Tensor) and bool(result.isnan().any()))


def outputs(text: str, *, right: bool = False) -> dict[str, Any]:
    """What every call of a case returns in eager mode, without steadygraph; of independent calls, on a fresh model.

    ``right``: by its reference, where it has one.
    """
    import torch

    module = ModuleType("followed")
    sys.modules[module.__name__] = module  # enums look their module up
    exec(compile(on_the_cpu(text), "followed.py", "exec"), module.__dict__)
    torch.manual_seed(0)
    model, results = module.build(), {}
    for name, call in {"profile": module.profile(), **module.serving()}.items():
        torch.manual_seed(0)
        if hasattr(module, "INDEPENDENT"):
            model = module.build()
        results[name] = _returned(module, model, name, call, right=right)
    torch.set_default_dtype(torch.float32)
    return results


def on_the_cpu(text: str) -> str:
    """A case without its device: results are calculated, and nobody has to wait."""
    return re.sub(r"torch\.cuda\.[^;]+", "pass", text.replace('"cuda"', '"cpu"').replace(".pin_memory()", ""))


def _returned(module: ModuleType, model: Any, name: str, call: tuple[Any, Any], *, right: bool) -> Any:
    if hasattr(module, "before"):
        module.before(model, name)
    try:
        with module.context(name) if hasattr(module, "context") else contextlib.nullcontext():
            refer = right and hasattr(module, "reference")
            out = module.reference(model, *call) if refer else model(*call[0], **call[1])
            return module.observe(model, out) if hasattr(module, "observe") else out
    except Exception as error:  # a call that raises before the fix
        return error


def _layer(value: float, rows: int) -> Any:
    """Rows of this value, through the first layer that is made under the seed."""
    import torch

    torch.manual_seed(0)
    return torch.nn.Linear(2, 2)(torch.full((rows, 2), value))


def _twice_one_to_four() -> Any:
    import torch

    return torch.tensor([2.0, 4.0, 6.0, 8.0])


def _three_ones() -> Any:
    import torch

    return torch.ones(3)


def _three_thirds() -> Any:
    import torch

    return torch.tensor([[1 / 3, 1 / 3, 1 / 3, 0.0]])


def _five_valid_rows() -> Any:
    import torch

    return torch.cat([_layer(2.0, 5), _layer(1.0, 3)])


#: Where eager mode raises, or gives NaN, before the fix: what the call should have returned, calculated by hand.
RIGHT: dict[str, Callable[[], Any]] = {
    "an argument that raises before any region runs": _twice_one_to_four,
    "more rows than the buffer has": lambda: _layer(9.0, 1)[0],
    "five valid rows, padded to eight": _five_valid_rows,
    "a request of length 0 among real ones": _three_thirds,
    "a buffer of which padding is never written": _three_ones,
}


# --- which sentences there are ------------------------------------------------------------------------------


def test_every_fix_that_a_rule_can_print_is_followed_by_an_example() -> None:
    followed = (*(example.fix for _, example in FOLLOWED), *syncs.WAITS, *NOT_FOLLOWED)
    folder = Path(inspect.getfile(steadygraph_rules)).parent

    missing = [
        f"{file.relative_to(folder)}:{line}: {pattern}"
        for file in sorted(folder.rglob("*.py"))
        for line, pattern in sentences(ast.parse(file.read_text(encoding="utf-8")))
        if not any(re.fullmatch(pattern, fix) for fix in followed)
    ]

    assert not missing, "\n".join(missing)


@pytest.mark.parametrize(
    ("source", "patterns"),
    [
        ('fix = "Do this."', [r"Do\ this\."]),
        ('fix = f"Do `{this}`."', [r"Do\ `.+`\."]),
        ('fix = f"{this}; do that."', [r".+;\ do\ that\."]),
        ('fix = "Do {this}.".format(this=1)', [r"Do\ .+\."]),
        ('"""Says what it does."""\ndef f():\n    """Does it well."""', []),
        ('message = "this is that"\ncase = "import torch\\nx = 1."', []),
    ],
    ids=["text", "with a value", "with a beginning", "to be formatted", "docstrings", "other texts"],
)
def test_a_sentence_in_a_source_is_a_pattern_of_what_it_prints(source: str, patterns: list[str]) -> None:
    assert [pattern for _, pattern in sentences(ast.parse(source))] == patterns


def sentences(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and pattern of each text that is a sentence with a full stop: what is put in stands for anything."""
    pieces = {id(piece) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for piece in node.values}
    for node in ast.walk(tree):
        docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        pieces |= {id(node.value)} if docstring else set()
        texts = _texts(node) if id(node) not in pieces else []
        pattern = "".join(".+" if text is None else _pattern(text) for text in texts)
        if texts and (texts[-1] or "").endswith(".") and " " in pattern and "\n" not in pattern:
            yield node.lineno, pattern


def _texts(node: ast.AST) -> list[str | None]:
    """What a text is made of; None: a value."""
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    texts = [part.value if isinstance(part, ast.Constant) else None for part in parts]
    return [text if isinstance(text, str) else None for text in texts]


def _pattern(text: str) -> str:
    return re.sub(r"\\\{\w*\\\}", ".+", re.escape(text))
