"""`steadygraph probe`: calls derived from the profile call, held against eager mode and plain torch.compile."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from steadygraph.case.case import Case
from steadygraph.config import Probing, Settings
from steadygraph.engine.probing.changed_case import around, edited
from steadygraph.engine.probing.probing import probed
from steadygraph.model import Change, Probed, Result

MASK_OR_NONE = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = 2.0
        self.seen = 0

    def forward(self, x, mask=None, mode="sum"):
        self.seen += 0
        x = x * self.scale
        if mask is not None:
            x = x + mask
        return x.cumsum(0) if mode == "scan" else x


def build():
    return Net().eval()


def profile():
    return (torch.ones(3, 4),), {}
"""


class Net(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.scale = 2.0

    def forward(self, x: torch.Tensor, mask: torch.Tensor | None = None, *, flag: bool = False) -> torch.Tensor:
        x = x * self.scale
        if mask is not None:
            x = x + mask
        return -x if flag else x


def case(model: torch.nn.Module, **keywords: Any) -> Case:
    return Case(build=lambda: model, profile=lambda: ((torch.ones(3, 4),), {}), serving=dict, **keywords)


def sensitivity(given: Case, seconds: float = 60.0) -> dict[str, Probed]:
    _, recording = probed(given, Settings(probing=Probing(seconds)))
    assert recording.sensitivity is not None
    return {one.probe.name: one for one in recording.sensitivity.probes}


@pytest.fixture(scope="module")
def found() -> dict[str, Probed]:
    torch.compiler.reset()
    return sensitivity(case(Net().eval()))


def test_a_value_for_none_a_flag_and_an_attribute_are_found_to_be_silently_wrong(found: dict[str, Probed]) -> None:
    wrong = {one.probe.path for one in found.values() if one.result is Result.SILENT_WRONG}

    assert {"mask", "flag", "self.scale"} <= wrong


def test_the_guard_that_a_call_violates_is_named_with_its_line(found: dict[str, Probed]) -> None:
    one = found["mask: None -> float32[3, 4]"]

    assert (one.guard, one.expected, one.actual) == ("mask", "None", "torch.float32[3, 4] on cpu")
    assert one.location is not None
    assert one.location.text == "if mask is not None:"


def test_a_call_that_eager_mode_refuses_is_no_valid_one(found: dict[str, Probed]) -> None:
    one = found["x: torch.float32[3, 4] on cpu -> None"]

    assert one.result is None
    assert one.refused is not None
    assert one.refused.type == "TypeError"


def test_what_is_proved_wrong_is_wrong_in_plain_torch_compile_without_guards(found: dict[str, Probed]) -> None:
    """The same calls by the documented way to drop guards, which knows nothing of steadygraph."""
    calls: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {
        "mask: None -> float32[3, 4]": ((torch.ones(3, 4), torch.ones(3, 4)), {}),
        "flag: False -> True": ((torch.ones(3, 4),), {"flag": True}),
        "x: zeros": ((torch.zeros(3, 4),), {}),
        "x: strides (4, 1) -> transposed in memory": ((torch.ones(4, 3).t(),), {}),
    }
    for name, (args, kwargs) in calls.items():
        torch.compiler.reset()
        model = Net().eval()
        dropped = torch.compile(
            model, backend="eager", options={"guard_filter_fn": lambda guards: [False] * len(guards)}
        )
        dropped(torch.ones(3, 4))

        right = torch.equal(dropped(*args, **kwargs), model(*args, **kwargs))

        shown = [one for one in found[name].outcomes if one.policy == "drop"]
        assert (shown[0].result is Result.SILENT_WRONG) is not right, name


def test_the_model_is_as_it_was(found: dict[str, Probed]) -> None:
    model = Net().eval()
    before = dict(vars(model))

    sensitivity(case(model), seconds=2.0)

    assert {name: vars(model)[name] for name in before} == before
    assert (model.training, model.scale) == (False, 2.0)


def test_the_same_probes_come_in_the_same_order(found: dict[str, Probed]) -> None:
    again = sensitivity(case(Net().eval()), seconds=2.0)

    assert list(again)[:20] == list(found)[:20]


def test_a_call_once_more_finds_a_counter() -> None:
    class Counting(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.step = 0

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            self.step += 1
            return x * self.step

    one = sensitivity(case(Counting().eval()), seconds=4.0)["call: once more"]

    assert one.result is Result.SILENT_WRONG
    assert one.probe.change is Change.AGAIN


def test_a_write_into_an_argument_that_is_lost_is_seen() -> None:
    class Writing(torch.nn.Module):
        def forward(self, x: torch.Tensor, *, write: bool = False) -> torch.Tensor:
            if write:
                x.add_(1)
            return x.sum() * 0

    one = sensitivity(case(Writing().eval()))["write: False -> True"]

    dropped = next(each for each in one.outcomes if each.policy == "drop")
    assert dropped.result is Result.SILENT_WRONG
    assert dropped.effect is not None


def test_a_model_that_draws_numbers_is_not_taken_for_wrong() -> None:
    one = sensitivity(case(torch.nn.Dropout(0.5).train()), seconds=4.0)

    wrong = {name for name, each in one.items() if each.result is Result.SILENT_WRONG and each.outcomes[-1].error}
    assert wrong <= {"train mode: on -> off", "self.p: 0.5 -> 1.0"}


def test_what_a_case_declares_counts_and_all_else_is_a_note(cli: Callable[..., Any], write_case: Any) -> None:
    write_case(MASK_OR_NONE)
    note = cli("probe", "case.py", "--no-progress", "--seconds", "20", "--format", "json")
    write_case(MASK_OR_NONE + '\nPROBES = {"mask": ["none"]}\n')

    declared = cli("probe", "case.py", "--no-progress", "--seconds", "20", "--format", "json")

    assert (note.code, declared.code) == (0, 1)
    loud = {f["path"] for f in json.loads(declared.out)["cases"][0]["findings"] if f["severity"] == "error"}
    assert loud == {"mask"}
    assert {f["severity"] for f in json.loads(note.out)["cases"][0]["findings"]} == {"note"}


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ('{"mask": ["non"]}', "PROBES of case.py has an unknown kind 'non' for 'mask'\n  hint: did you mean none?"),
        ('{"mask": "none"}', "PROBES of case.py has a str, not a list, for 'mask'"),
        ('{"masc": ["none"]}', "PROBES of case.py names 'masc', and nothing of this name is changed"),
        ('{"mode": ["dtype"]}', "PROBES of case.py names 'dtype' for 'mode', and no such change of it is tried"),
    ],
)
def test_probes_that_mean_nothing_are_told(cli: Callable[..., Any], write_case: Any, table: str, said: str) -> None:
    write_case(f"{MASK_OR_NONE}\nPROBES = {table}\n")

    ran = cli("probe", "case.py", "--no-progress", "--seconds", "1")

    assert ran.code == 2
    assert said in ran.err


def test_the_text_has_the_worst_first_with_guard_and_line(cli: Callable[..., Any], write_case: Any) -> None:
    write_case(MASK_OR_NONE)

    out = cli("probe", "case.py", "--no-progress").out

    assert "guard on mask: None at profile" in out
    assert re.search(r"case\.py:\d+(?: in forward)?: if mask is not None:", out)
    assert out.index("silent-wrong (") < out.index("recompiles, and is right without its guard")


def test_edits_leave_what_they_were_given_alone() -> None:
    from steadygraph.case.case import Call
    from steadygraph.engine.probing.places import Derived, Step
    from steadygraph.model import Probe

    call = Call((torch.ones(2, 3), {"k": [1, 2]}), {})
    probe = Probe("x", Change.SIZE, "", "")
    steps = (
        Step("call", ("['args']", "[0]"), "resized", (0, 5)),
        Step("call", ("['args']", "[1]", "['k']"), "shortened"),
    )

    changed = edited(call, Derived(probe, steps))

    assert changed.args[0].shape == (5, 3)
    assert changed.args[1] == {"k": [1]}
    assert (call.args[0].shape, call.args[1]) == ((2, 3), {"k": [1, 2]})


def test_a_setting_and_an_attribute_are_put_back() -> None:
    from steadygraph.engine.probing.places import Derived, Step
    from steadygraph.model import Probe

    model, probe = Net().eval(), Probe("self.scale", Change.VALUE, "", "")
    steps = (
        Step("model", (".scale",), "constant", (3.0,), ""),
        Step("setting", (), "training", (True,)),
        Step("setting", (), "default_dtype", ("float64",)),
        Step("model", (".lora",), "constant", (1,), ""),
    )

    with around(model, Derived(probe, steps)):
        inside = (model.scale, model.training, torch.get_default_dtype(), model.lora)

    assert inside == (3.0, True, torch.float64, 1)
    assert (model.scale, model.training, torch.get_default_dtype()) == (2.0, False, torch.float32)
    assert not hasattr(model, "lora")


def test_a_file_without_serving_is_enough(cli: Callable[..., Any], write_case: Any, tmp_path: Path) -> None:
    write_case(MASK_OR_NONE)

    ran = cli("probe", "case.py", "--no-progress", "--seconds", "3", "--report", "out")

    assert ran.code == 0
    assert (tmp_path / "out" / "report.json").exists()


def test_the_page_has_the_table(cli: Callable[..., Any], write_case: Any) -> None:
    write_case(MASK_OR_NONE)

    page = cli("probe", "case.py", "--no-progress", "--seconds", "10", "--format", "html").out

    assert "<h3>Changed calls</h3>" in page
    assert "<code>mask: None -&gt; float32[3, 4]" in page


def test_the_fixture_probes(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(case=MASK_OR_NONE)
    pytester.makepyfile(
        test_it="""
        def test_probed(steadygraph):
            report = steadygraph.probe("case.py", seconds=5)
            assert any(one.probe.path == "mask" for one in report.cases[0].sensitivity.probes)
            assert report.ok("warning")
        """
    )

    result = pytester.runpytest_inprocess("-p", "no:cacheprovider")

    result.assert_outcomes(passed=1)


def test_the_written_case_runs_and_goes_wrong_in_the_same_calls(cli: Callable[..., Any], write_case: Any) -> None:
    write_case(MASK_OR_NONE)
    probed = cli("probe", "case.py", "--no-progress", "--seconds", "15", "--write-case", "changed.py")

    analyzed = cli("analyze", "changed.py", "--no-progress", "--format", "json")

    assert probed.code == 0
    assert "changed.py has" in probed.out
    scenarios = json.loads(analyzed.out)["cases"][0]["scenarios"][1:]
    wrong = [one["name"] for one in scenarios if any(o["result"] == "silent-wrong" for o in one["outcomes"])]
    assert wrong == [one["name"] for one in scenarios]
    assert {"mask", "self.scale"} <= {name.partition(":")[0] for name in wrong}
