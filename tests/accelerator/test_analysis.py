"""Cases that want a device, analysed without one: the right scenario and line, and nothing else."""

import dataclasses
import os
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import nn

import steadygraph
from steadygraph.accelerator.simulation import simulated
from steadygraph.case.case import Case, load
from steadygraph.config import Settings
from steadygraph.engine.engine import analyze_case
from steadygraph.engine.notes import of_device
from steadygraph.engine.subject import device
from steadygraph.errors import TargetError, UsageError
from steadygraph.model import PROFILE, Kind, Policy, Result, Severity
from steadygraph.model.run import RunReport

CASES = Path(__file__).parent.parent / "cases"
EVERY_POLICY = (Policy.RECOMPILE, Policy.DROP, Policy.SHAPES_ONLY, Policy.CUDA_GRAPH)


@pytest.mark.parametrize("name", ["device_table_left_on_cpu", "device_cache_key", "device_two_gpus"])
def test_without_a_compiler_the_findings_are_the_same(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = CASES / f"{name}.py"
    compiled = analyze_case(load(str(file)), Settings())
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)

    without = analyze_case(load(str(file)), Settings())

    assert without.notes[1:] == (
        "there is no C++ compiler (c++, g++, clang++), so torch's own device guard is used: "
        "what is seen is the same, but that tensors go to cuda:0 by `.cuda()`, whichever device is current",
    )
    changed = {"duration_s": 0, "notes": ()}
    assert dataclasses.replace(without, **changed) == dataclasses.replace(compiled, **changed)
    assert compiled.findings != ()


class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 4)
        self.rows = nn.Buffer(torch.zeros(8, 4))

    def forward(self, x, deep=None, read=False):
        h = self.layer(x)
        self.rows[: x.shape[0]] = h.detach()
        if deep is not None:
            h = h + deep
        if read and h.sum() > 0:
            h = h * 2
        return h


def ones(n: int = 4) -> torch.Tensor:
    return torch.ones(n, 4, device="cuda")


def case(**changes) -> Case:
    values = {
        "build": lambda: Decoder().cuda(),
        "profile": lambda: ((ones(),), {}),
        "serving": lambda: {"same": ((ones(),), {}), "deep": ((ones(), ones()), {})},
        "device": "cuda",
    }
    return Case(**{**values, **changes})


def outcomes(report, scenario) -> dict[Policy, tuple[Result, Result | None]]:
    return {o.policy: (o.result, o.predicted) for s in report.scenarios if s.name == scenario for o in s.outcomes}


def test_nothing_is_proved_without_values_and_all_is_predicted() -> None:
    report = analyze_case(case(), Settings(policies=EVERY_POLICY))

    assert outcomes(report, "same") == dict.fromkeys(EVERY_POLICY, (Result.UNPROVED, Result.SAME))
    assert outcomes(report, "deep") == {
        Policy.RECOMPILE: (Result.UNPROVED, Result.RECOMPILES),
        Policy.DROP: (Result.UNPROVED, Result.SILENT_WRONG),
        Policy.SHAPES_ONLY: (Result.UNPROVED, Result.SILENT_WRONG),
        Policy.CUDA_GRAPH: (Result.UNPROVED, Result.SILENT_WRONG),
    }
    assert [(f.scenario, f.kind, f.severity) for f in report.findings] == [
        ("deep", Kind.INPUT_STRUCTURE, Severity.ERROR)
    ]


def test_the_report_says_that_the_device_is_simulated() -> None:
    report = analyze_case(case(), Settings())

    assert report.notes == (
        "cuda is simulated (NVIDIA H100 80GB HBM3): tensors on it have no values, results no proof",
    )


def test_the_device_of_a_report_is_the_one_that_the_calls_ran_on() -> None:
    def plain() -> tuple[tuple[torch.Tensor], dict[str, object]]:
        return (torch.ones(2),), {}

    on_cpu = Case(build=nn.ReLU, profile=plain, serving=lambda: {"same": plain()})
    simulated_one, real = analyze_case(case(gpu="l4"), Settings()), analyze_case(on_cpu, Settings())

    assert (simulated_one.device, real.device) == ("cuda (simulated NVIDIA L4)", "cpu")
    assert RunReport((simulated_one,)).environment["device"] == "cuda (simulated NVIDIA L4)"
    assert RunReport((simulated_one, real)).environment["device"] == "cuda (simulated NVIDIA L4), cpu"


@pytest.mark.parametrize(
    ("option", "constant", "name"),
    [
        (None, None, "NVIDIA H100 80GB HBM3"),
        (None, "l4", "NVIDIA L4"),
        ("a100", None, "NVIDIA A100-SXM4-80GB"),
        ("mi300x", "l4", "AMD Instinct MI300X"),
        ("b200", "l4", "NVIDIA B200"),
        ("mi355x", "h200", "AMD Instinct MI355X"),
    ],
)
def test_the_gpu_of_the_option_is_simulated_before_that_of_the_case(
    option: str | None, constant: str | None, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    report = analyze_case(
        case(gpu=constant, before=lambda _model, _name: print(torch.cuda.get_device_name())), Settings(gpu=option)
    )

    assert report.notes == (f"cuda is simulated ({name}): tensors on it have no values, results no proof",)
    assert set(capsys.readouterr().out.splitlines()) == {name}


def test_several_devices_are_named_with_their_number() -> None:
    report = analyze_case(case(build=lambda: Decoder().to("cuda:1"), profile=two, serving=lambda: {"s": two()}), TWO)

    assert report.notes == ("cuda:2 is simulated (2 x NVIDIA L4): tensors on it have no values, results no proof",)


def two():
    return (torch.ones(4, 4, device="cuda:1"),), {}


TWO = Settings(device="cuda:2", gpu="l4")


@pytest.fixture
def _one_real_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "NVIDIA L40S")


@pytest.mark.usefixtures("_one_real_device")
def test_a_gpu_that_is_asked_for_is_ignored_where_there_is_a_real_one_and_a_note_says_so() -> None:
    with device("cuda", case(), Settings(gpu="a100")) as simulation:
        notes = of_device("cuda", "a100", simulation)

    assert list(notes) == ["gpu a100 is ignored: there is a real device (NVIDIA L40S)"]


@pytest.mark.usefixtures("_one_real_device")
def test_fewer_real_devices_than_are_asked_for_are_a_usage_error() -> None:
    with pytest.raises(UsageError) as caught:
        analyze_case(case(), Settings(device="cuda:4"))

    assert str(caught.value) == (
        "cuda:4 means 4 devices, and this machine has 1\n"
        "  hint: use a machine that has them, or one that has none: there they are simulated"
    )


def test_an_analysis_inside_of_a_simulation_is_refused() -> None:
    with simulated(), pytest.raises(UsageError) as caught:
        analyze_case(case(), Settings())

    assert str(caught.value) == "a CUDA device is simulated already\n  hint: leave that block first"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"gpu": "h20"}, "no GPU called 'h20' can be simulated\n  hint: did you mean h200?"),
        ({"device": "gpu"}, "unknown device 'gpu'\n  hint: devices are cuda, cuda:N for several, and cpu"),
    ],
)
def test_an_unknown_name_is_told_before_the_model_is_built(arguments: dict[str, str], said: str) -> None:
    built: list[int] = []

    with pytest.raises(UsageError) as caught:
        steadygraph.analyze(case(build=lambda: built.append(1)), **arguments)

    assert (str(caught.value), built) == (said, [])


def test_a_value_that_serving_reads_is_a_note_and_no_error_of_the_model() -> None:
    serving = {"read": ((ones, None, True), {})}

    report = analyze_case(
        case(serving=lambda: {name: ((args[0](), *args[1:]), kwargs) for name, (args, kwargs) in serving.items()}),
        Settings(),
    )

    assert {result for result, _ in outcomes(report, "read").values()} == {Result.UNPROVED}
    assert Kind.SERVING_ERROR not in {f.kind for f in report.findings}
    assert Kind.HOST_SYNC in {f.kind for f in report.findings}
    line = Decoder.forward.__code__.co_firstlineno + 5
    assert report.notes[1:] == (
        f"read is not judged any further than this in `forward`, line {line}: a decision needs the result of reading "
        "a tensor as a Python value (.item(), bool(), int(), float()): the values of a tensor on a simulated device "
        "are not known; keep what decides on the CPU, or use a machine with the device",
    )


def test_a_value_that_the_profile_call_reads_fails_the_target_with_its_line() -> None:
    with pytest.raises(TargetError) as caught:
        analyze_case(case(profile=lambda: ((ones(), None, True), {})), Settings())

    line = Decoder.forward.__code__.co_firstlineno + 5
    assert str(caught.value) == (
        "the profile call raised in eager mode: ValueNeededError: a decision needs the result of reading a tensor as a "
        "Python value (.item(), bool(), int(), float()): the values of a tensor on a simulated device are not known "
        f"({__file__}:{line} in forward)\n"
        "  hint: keep what decides on the CPU, or use a machine with the device"
    )


def test_structural_findings_are_those_of_the_same_model_on_the_cpu() -> None:
    def calls(device):
        def x():
            return torch.ones(4, 4, device=device)

        return {
            "build": lambda: Decoder().to(device),
            "profile": lambda: ((x(),), {}),
            "serving": lambda: {"same": ((x(),), {}), "deep": ((x(), x()), {}), "grad": ((x().requires_grad_(),), {})},
            "device": device,
        }

    reports = [analyze_case(Case(**calls(device)), Settings()) for device in ("cpu", "cuda")]

    cpu, cuda = ([(f.scenario, f.rule, f.path, f.severity) for f in report.findings] for report in reports)
    assert cuda == cpu != []


def test_a_second_back_end_is_not_asked_for_kernels_that_nobody_can_run() -> None:
    report = analyze_case(case(), Settings(backends=("eager", "inductor")))

    assert {o.backend for s in report.scenarios for o in s.outcomes} == {"eager"}


def test_one_analysis_after_another_says_the_same() -> None:
    first, second = (analyze_case(case(), Settings()) for _ in range(2))

    assert dataclasses.replace(first, duration_s=0) == dataclasses.replace(second, duration_s=0)
    assert torch.cuda.is_available() is False


UNBACKED = """
    import torch

    DEVICE = "cuda"

    def build():
        return torch.nn.Linear(4, 4).to(DEVICE)

    def call(rows):
        return (torch.ones(rows, 4, device=DEVICE),), {}

    def profile():
        return call(8)

    def serving():
        return {"one": call(1), "more": call(9)}

    def mark(args, kwargs):
        torch._dynamo.decorators.mark_unbacked(args[0], 0)
"""


def test_a_size_that_is_marked_as_unbacked_is_so_on_a_simulated_device(write_case):
    report = analyze_case(load(str(write_case(UNBACKED))), Settings())

    assert report.findings == ()
    assert {o.predicted for s in report.scenarios for o in s.outcomes} == {Result.SAME}


@torch.library.custom_op("steadygraph_analysis::doubled", mutates_args=())
def doubled(x: torch.Tensor) -> torch.Tensor:
    return x * 2


class Limited(nn.Module):
    """Serving calls that a simulated device cannot finish, beside one that it can."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 4)

    def forward(self, x, what="nothing"):
        h = self.layer(x)
        if what == "gradients":
            h.sum().backward()
        if what == "operator":
            h = doubled(h)
        return h


LIMITS = {
    "gradients": (
        6,
        "backward() cannot run on a simulated device, which computes no gradients; leave backward() out of the calls, "
        "or use a machine with the device",
    ),
    "operator": (
        8,
        "the operator steadygraph_analysis::doubled has no fake implementation, which tells what its result looks "
        'like; add one: @torch.library.register_fake("steadygraph_analysis::doubled")',
    ),
}


def limited(profile: str = "nothing", device: str = "cuda") -> Case:
    def call(what: str):
        return (torch.ones(2, 4, device=device), what), {}

    return Case(
        build=lambda: Limited().to(device),
        profile=lambda: call(profile),
        serving=lambda: {what: call(what) for what in ("nothing", *LIMITS)},
        regions=lambda model: [model.layer],
        device=device,
    )


def test_what_a_simulated_device_cannot_do_ends_one_call_and_no_other() -> None:
    report = analyze_case(limited(), Settings())

    first = Limited.forward.__code__.co_firstlineno
    assert report.notes[1:] == tuple(
        f"{name} is not judged any further than this in `forward`, line {first + line - 3}: {told}"
        for name, (line, told) in LIMITS.items()
    )
    assert outcomes(report, "nothing")[Policy.DROP] == (Result.UNPROVED, Result.SAME)
    assert {result for name in LIMITS for result, _ in outcomes(report, name).values()} == {Result.UNPROVED}
    assert report.findings == ()


def test_an_operator_without_a_fake_implementation_fails_the_profile_call_on_a_simulated_device() -> None:
    case = dataclasses.replace(limited("operator"), regions=None)

    with pytest.raises(TargetError) as caught:
        analyze_case(case, Settings())

    assert str(caught.value) == (
        "the profile call raised in eager mode: FakeImplementationError: the operator steadygraph_analysis::doubled "
        f"has no fake implementation, which tells what its result looks like ({__file__}:"
        f"{Limited.forward.__code__.co_firstlineno + 5} in forward)\n"
        '  hint: add one: @torch.library.register_fake("steadygraph_analysis::doubled")'
    )


def test_an_operator_without_a_fake_implementation_is_a_finding_where_eager_mode_runs_it() -> None:
    case = dataclasses.replace(limited("operator", "cpu"), regions=None)

    report = analyze_case(case, Settings())

    (found,) = (f for f in report.findings if f.scenario == PROFILE)
    assert (found.rule, found.severity) == ("SG401", Severity.ERROR)
    assert found.location.line == Limited.forward.__code__.co_firstlineno + 5
    assert '@torch.library.register_fake("steadygraph_analysis::doubled")' in found.fix
    assert outcomes(report, PROFILE)[Policy.DROP] == (Result.RAISES, None)
    assert {result for name in LIMITS for result, _ in outcomes(report, name).values()} == {Result.UNPROVED}
    assert report.notes == ("the profile call raises: no scenario is compared with it, and none is proved",)


def test_inputs_that_cannot_be_made_say_what_to_do() -> None:
    def serving():
        rows = torch.ones(2**20 + 1, device="cuda")
        return {"all": ((ones(int(rows.sum())),), {})}

    with pytest.raises(TargetError) as caught:
        analyze_case(case(serving=serving), Settings())

    assert str(caught.value) == (
        "serving() raised ValueNeededError: a decision needs the result of reading a tensor as a Python value "
        "(.item(), bool(), int(), float()): the values of a tensor on a simulated device are not known "
        f"({os.path.relpath(__file__)}:{serving.__code__.co_firstlineno + 2})\n"
        "  hint: keep what decides on the CPU, or use a machine with the device"
    )


class Plain(nn.Module):
    """Knows nothing of devices."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 4)
        self.scale = torch.ones(4)

    def forward(self, batch):
        return self.layer(batch.x) * self.scale + batch.weights["w"]


def test_a_case_without_a_device_is_moved_to_the_one_that_is_asked_for(tmp_path: Path) -> None:
    def call():
        weight = nn.Parameter(torch.ones(4))
        return (SimpleNamespace(x=torch.ones(2, 4), weights={"w": weight}, again=weight),), {}

    def told(*what: object) -> None:
        with (tmp_path / "told").open("a") as file:  # what is kept in Python is put back
            print(*what, file=file)

    def mark(args, kwargs):
        batch = args[0]
        told(batch.x.device, batch.again is batch.weights["w"], isinstance(batch.again, nn.Parameter))

    plain = Case(
        build=Plain,
        profile=call,
        serving=lambda: {"same": call()},
        before=lambda model, name: told(model.layer.weight.device, model.scale.device),
        mark=mark,
    )

    report = analyze_case(plain, Settings(device="cuda"))

    assert set((tmp_path / "told").read_text().splitlines()) == {"cuda:0 True True", "cuda:0 cuda:0"}
    assert report.findings == ()
    assert report.notes[1:] == ("the case names no DEVICE: its model and its arguments were moved to cuda",)
