"""Policy ``cuda-graph``: the profile call is captured and replayed; addresses, Python values, control flow are frozen.

On a CUDA device the regions are captured as CUDA graphs; elsewhere a tape of operators does the same.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from steadygraph import torch_private
from steadygraph.model import PROFILE, Outcome, Policy, Result, Sync
from steadygraph.observe.inputs.storage import memories
from steadygraph.observe.replay.cuda_capture import CudaCapture
from steadygraph.observe.replay.tape import FreedMemoryError, NotReplayableError, Tape, copies
from steadygraph.observe.run.forwards import swapped
from steadygraph.policies import inheritance
from steadygraph.policies.bench import Bench
from steadygraph.policies.capture import failure
from steadygraph.policies.runs import CallResult, is_bad, outcome


class CudaGraph:
    """Every region is captured in the profile call and replayed in the serving calls."""

    policy = Policy.CUDA_GRAPH

    def backends(self, asked: Sequence[str]) -> Sequence[str]:
        return ("replay",)

    def outcomes(self, bench: Bench, backend: str) -> Mapping[str, Outcome]:
        """What each call does; none of them runs where the capture, which comes first, fails."""
        if bench.obstacles and not any(_on_cuda(module) for _, module in bench.regions):
            return dict.fromkeys(bench.eager, self._fails(backend, bench.obstacles[0]))
        replayer = _replayer(bench)
        results = bench.run(replayer.installed(), on_start=replayer.start, tensors_only=True)
        if results[PROFILE].raised:  # on a real device, which knows best what cannot be captured
            results = dict.fromkeys(results, results[PROFILE])

        def is_right_alone(name: str) -> bool:
            other = _replayer(bench)
            result = bench.run_after_eager(name, other.installed, other.start, tensors_only=True)
            return not is_bad(self._outcome(bench, backend, name, other, result))

        outcomes = {name: self._outcome(bench, backend, name, replayer, result) for name, result in results.items()}
        return inheritance.told(outcomes, results, is_right_alone)

    def _outcome(self, bench: Bench, backend: str, name: str, replayer: _Replayer, result: CallResult) -> Outcome:
        if name in replayer.freed:
            error, predicted = replayer.freed[name], Result.SILENT_WRONG
            return Outcome(self.policy, backend, Result.UNPROVED, error=error, predicted=predicted)
        found = outcome(self.policy, backend, bench.eager[name], replayer.refused.get(name, result))
        if found.predicted is Result.SAME and name in replayer.moved:
            return replace(found, predicted=Result.SILENT_WRONG, error=replayer.moved[name])
        return found

    def _fails(self, backend: str, obstacle: Sync) -> Outcome:
        """Predicted: a tape captures what a device would not."""
        error = failure(obstacle)
        return Outcome(self.policy, backend, Result.UNPROVED, error=error, predicted=Result.RAISES)


def _replayer(bench: Bench) -> _Replayer:
    return _Replayer((module for _, module in bench.regions), bench.device)


class _Replayer:
    def __init__(self, modules: Iterator[nn.Module], device: str) -> None:
        #: Calls for which no graph had been captured.  A deployment runs them without one, and so does this: what
        #: they do to the model's state happens to the calls after them.
        self.refused: dict[str, CallResult] = {}
        #: Calls whose graphs use memory that is no longer theirs: what they would find there is anybody's.
        self.freed: dict[str, str] = {}
        #: Calls before which memory was replaced that a graph uses: told where no values tell.
        self.moved: dict[str, str] = {}
        self._device = device
        self._modules = list(modules)
        self._captures: dict[nn.Module, list[Tape | CudaCapture]] = {m: [] for m in self._modules}
        self._memories: dict[nn.Module, dict[str, int]] = {}
        self._call = PROFILE
        self._replays = dict.fromkeys(self._modules, 0)
        # The static inputs and the turns are of all threads, as the stream of a device is.
        self._replaying = threading.Lock()

    def start(self, call: str) -> None:
        self._call = call
        self._replays = dict.fromkeys(self._modules, 0)

    @contextlib.contextmanager
    def installed(self) -> Iterator[None]:
        forwards = {module: self._forward(module, module.forward) for module in self._modules}
        with torch_private.compiles_forced_eager(), swapped(forwards):
            yield

    def _in_turn(self, module: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Tape | CudaCapture]:
        """The graphs of a region: first those captured on the memory that the inputs lie in, as for a micro-batch.

        Of equals, first the one captured in its k-th call if this is the k-th in this scenario.
        """
        captures = self._captures[module]
        turn = self._replays[module] % len(captures)
        self._replays[module] += 1
        return sorted(captures[turn:] + captures[:turn], key=lambda capture: copies(capture.inputs, args, kwargs))

    def _forward(self, module: nn.Module, original: Callable[..., Any]) -> Callable[..., Any]:
        def forward(*args: Any, **kwargs: Any) -> Any:
            captures = self._captures[module]
            if self._call == PROFILE:
                captures.append(self._captured(module, original, args, kwargs))
                return captures[-1].output
            if not captures:  # a region that the profile call did not reach has no graph
                return original(*args, **kwargs)
            self._look_for_moves(module)
            refusals = []
            with self._replaying:
                # A region that was captured at several sizes has a graph for each.
                for capture in self._in_turn(module, args, kwargs):
                    try:
                        return capture.replay(args, kwargs)
                    except NotReplayableError as refusal:
                        refusals.append(str(refusal))
                    except FreedMemoryError as error:
                        self.freed[self._call] = str(error)
                        return original(*args, **kwargs)
            self.refused[self._call] = CallResult(refused=f"no captured graph fits: {refusals[0]}")
            return original(*args, **kwargs)

        return forward

    def _captured(
        self, module: nn.Module, original: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> Tape | CudaCapture:
        if _on_cuda(module):
            return CudaCapture.of(original, args, kwargs)
        tape = Tape.of(original, args, kwargs, device=self._device)
        if self._device:
            used = {name: place for name, place in memories(module).items() if tape.uses(place)}
            self._memories[module] = {**self._memories.get(module, {}), **used}
        return tape

    def _look_for_moves(self, module: nn.Module) -> None:
        """Does a tensor of the region lie elsewhere than when it was captured?"""
        captured = self._memories.get(module)
        now = memories(module) if captured else {}
        for name, place in (captured or {}).items():
            if now.get(name, place) != place:
                self.moved.setdefault(self._call, f"the captured graph reads the memory that `{name}` had before")


def _on_cuda(module: nn.Module) -> bool:
    parameters = [tensor for tensor in module.parameters() if tensor.device.type == "cuda"]
    # On a simulated device nothing can be captured.
    return any(not torch_private.is_fake(tensor) for tensor in parameters) and torch.cuda.is_available()
