"""The model of a case, made once and kept as it was made: what every pass over it starts from."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from steadygraph import torch_private
from steadygraph.accelerator import Simulation, is_simulated, known_inputs, moved_case, moved_model, simulated
from steadygraph.case.case import Case, build_model, check_signature
from steadygraph.case.user_code import guarded
from steadygraph.config import Settings
from steadygraph.engine.same_inputs import same_inputs
from steadygraph.errors import UsageError
from steadygraph.model import Node, Policy, gpus
from steadygraph.observe.inputs import structure
from steadygraph.observe.state import process
from steadygraph.observe.state.state import ModelState
from steadygraph.policies.runs import EAGER, inputs, run_profile


@dataclass(frozen=True, eq=False)
class Subject:
    """What is analysed, and where.

    Args:
        case: Gives the calls.
        settings: What was asked for.
        device: The device that is wanted, "" for the CPU.
        simulation: The device that is not there; None: a real one, or none is wanted.
        moved: The case names no device, and was moved to the one that is wanted.
        model: Made by the case.
        state: That of the model before its first call.
        unchecked: The same case, which may return other arguments each time.
    """

    case: Case
    settings: Settings
    device: str
    simulation: Simulation | None
    moved: bool
    model: nn.Module
    state: ModelState
    unchecked: Case

    @property
    def backends(self) -> Sequence[str]:
        return backends(self.settings, self.simulation)

    @property
    def policies(self) -> tuple[Policy, ...]:
        return policies(self.case, self.settings)

    @property
    def shown_device(self) -> str:
        """What reports say that the calls ran on."""
        if self.simulation is not None:
            return f"{self.device} (simulated {self.simulation})"
        return self.device or "cpu"

    @property
    def on_cuda(self) -> bool:
        return self.device.startswith("cuda")

    def arguments(self) -> dict[str, Node]:
        """The arguments of each call.  Those that do not fit are the case's fault: that is said before anything runs.

        Raises:
            CaseError: They do not fit the model's forward.
        """
        calls = dict(inputs(self.case, mark=False))
        found: dict[str, Node] = {}
        for name, call in calls.items():
            check_signature(self.model, call, name)
            found[name] = structure.capture_call(call.args, call.kwargs)
        # A generator that they were drawn from has gone on: the passes begin where this one did.
        self.state.restore()
        return found


@contextlib.contextmanager
def prepared(case: Case, settings: Settings) -> Iterator[Subject]:
    """A block with the model and the device of a case; the process is left as it was, and so is what the case made.

    The model that ``build()`` returned is the user's, who may go on with it: it is moved, run and compiled, and in the
    end it has the objects, memory and values of before, however the block ends.

    Raises:
        CaseError: The case cannot be used as it is.
        TargetError: Building the model failed.
    """
    wanted = wanted_device(case, settings)
    with (
        process.preserved(),
        torch_private.own_dynamo_state(),
        device(wanted, case, settings) as simulation,
        contextlib.ExitStack() as kept,
    ):
        if simulation is not None:
            # A model that build() itself moves would be left on a device that is gone.
            kept.callback(ModelState.of_code(case.build, *code_of(case)).restore)
        moved = wanted.startswith("cuda") and case.device is None
        if moved:
            case = moved_case(case, "cuda")
        process.seeded(0)
        with known_inputs():
            model = build_model(case)
        state = ModelState.capture(model, *code_of(case))
        kept.callback(state.restore)
        if moved:
            with known_inputs(), guarded("moving the model to cuda"):
                model = moved_model(model, "cuda")
        lazy = any(is_lazy(parameter) for parameter in model.parameters())
        if lazy:
            # Lazy modules get their parameters in the first call: what is compiled then has none to go back to.
            run_profile(case, model)
        if moved or lazy:
            state = ModelState.capture(model, *code_of(case))
            kept.callback(state.restore)
        yield Subject(same_inputs(case, model), settings, wanted, simulation, moved, model, state, case)


def policies(case: Case, settings: Settings) -> tuple[Policy, ...]:
    """The deployments that are judged."""
    usual = (Policy.RECOMPILE, Policy.DROP)
    asked = settings.policies or ((*usual, Policy.CUDA_GRAPH) if case.cuda_graph else usual)
    if settings.budget or Policy.BUDGET in asked:
        # What is kept is chosen by what the calls do with all guards and without any.
        return tuple(dict.fromkeys((*usual, Policy.BUDGET, *asked)))
    return asked


def wanted_device(case: Case, settings: Settings) -> str:
    return settings.device or case.device or ""


def backends(settings: Settings, simulation: Simulation | None) -> Sequence[str]:
    """On a simulated device nothing can run but what computes shapes."""
    return settings.backends if simulation is None else (EAGER,)


def device(wanted: str, case: Case, settings: Settings) -> AbstractContextManager[Simulation | None]:
    """A block in which the device that the case wants is there, simulated if need be."""
    if not wanted.startswith("cuda"):
        return contextlib.nullcontext()
    if is_simulated() or not torch.cuda.is_available():
        return simulated(wanted, settings.gpu or case.gpu or gpus.DEFAULT)
    there, needed = torch.cuda.device_count(), gpus.device_count(wanted)
    if there < needed:
        raise UsageError(
            f"{wanted} means {needed} devices, and this machine has {there}",
            hint="use a machine that has them, or one that has none: there they are simulated",
        )
    return contextlib.nullcontext()


def code_of(case: Case) -> tuple[Callable[..., Any] | None, ...]:
    """The user's functions that run around the calls: what they keep outside of the model is its state too."""
    return case.profile, case.serving, case.before, case.context, case.mark, case.observe, case.reference
