"""A sweep on a Ray cluster: the same workers, in tasks; Ray says where, and Ray is imported here alone.

A task is one target, analysed in a process of its own as on one machine: what a target does to that is its report.  A
node that is lost costs its targets nothing, they run elsewhere; a target whose task is gone again on nodes that live is
the one that has ended it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import socket
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import Any

from steadygraph.errors import TargetError, UsageError
from steadygraph.model import Problem
from steadygraph.model.environment import environment
from steadygraph.workers import memory, pool, wire
from steadygraph.workers.order import Order
from steadygraph.workers.pool import Finished, OnStart
from steadygraph.workers.worker import failed

#: What a task gives back: the report as workers send it, the most memory, versions and platform.
Sent = tuple[bytes, int | None, dict[str, str]]

#: How often a target begins whose tasks end without a word, and how often one whose nodes are lost.
_MOST_CRASHES, _MOST_LOSSES = 2, 5
#: Tasks that wait in the cluster for each processor of it: the driver keeps no more than these.
_WAITING = 2
_ANSWER_S = 10.0
#: Ray asks a node every 3 s whether it lives, and gives it up after five times without an answer.
_NOTICED_S, _LOOK_S = 30.0, 0.5
_CRASH_HINT = "a target must leave the process that started it alone, or it takes more memory than the node has"
_LOSS_HINT = "look at what happens to the nodes, and go on with --resume"


@dataclasses.dataclass(slots=True)
class _Attempts:
    crashes: int = 0
    losses: int = 0


class Cluster:
    """A cluster that is there, or one on this machine.

    Args:
        address: ``auto``, ``local``, or what ``ray.init`` takes.

    Raises:
        UsageError: Ray is not installed, or there is no cluster.
    """

    def __init__(self, address: str) -> None:
        try:
            import ray
        except ImportError as error:
            raise UsageError("Ray is not installed", hint='pip install "steadygraph[ray]"') from error
        self._ray: Any = ray
        self._ours = not ray.is_initialized()
        try:
            _require_answer(address)
            if self._ours:
                ray.init(address=address, log_to_driver=False, logging_level="error")
        except Exception as error:  # of whatever class: gRPC's, asyncio's, Ray's
            said = str(error).strip().partition("\n")[0]
            problem = f"there is no Ray cluster at {address}: {said or type(error).__name__}"
            raise UsageError(problem, hint="start one with ray start --head, or use --ray local") from error

    def carried_out(
        self, orders: Sequence[Order], *, on_start: OnStart, made_on: Mapping[str, str]
    ) -> Generator[tuple[Finished, Mapping[str, str]]]:
        """Each order in a task; gives what became of it, and what it was made with, as soon as it is finished."""
        work = _Work(self._ray, orders, on_start, made_on)
        try:
            yield from work.results()
        finally:
            work.cancel()
            if self._ours:
                self._ray.shutdown()


class _Work:
    def __init__(self, ray: Any, orders: Sequence[Order], on_start: OnStart, made_on: Mapping[str, str]) -> None:
        self.ray, self.orders, self.on_start, self.made_on = ray, orders, on_start, made_on
        self.task = ray.remote(max_retries=0, num_cpus=1)(analysed)
        self.waiting = list(range(len(orders)))
        self.attempts = [_Attempts() for _ in orders]
        #: Tasks, with the order of each and the nodes that lived when it was handed over.
        self.running: dict[Any, tuple[int, frozenset[str]]] = {}

    def results(self) -> Iterator[tuple[Finished, Mapping[str, str]]]:
        while self.waiting or self.running:
            self._fill()
            ready, _ = self.ray.wait(list(self.running), num_returns=1)
            for task in ready:
                index, nodes = self.running.pop(task)
                if (result := self._result(task, index, nodes)) is not None:
                    yield result

    def cancel(self) -> None:
        for task in self.running:
            with contextlib.suppress(Exception):
                self.ray.cancel(task, force=True)

    def _fill(self) -> None:
        most = max(1, int(self.ray.cluster_resources().get("CPU", 1))) * (1 + _WAITING)
        while self.waiting and len(self.running) < most:
            index = self.waiting.pop(0)
            order = self.orders[index]
            self.on_start(index, str)
            options = {"memory": order.memory_limit_bytes} if order.memory_limit_bytes else {}
            task = self.task.options(**options).remote(order.to_bytes())
            self.running[task] = index, self._nodes()

    def _result(self, task: Any, index: int, nodes: frozenset[str]) -> tuple[Finished, Mapping[str, str]] | None:
        """What a task gave; None: it runs once more."""
        try:
            payload, peak_bytes, made_on = self.ray.get(task)
        except self.ray.exceptions.RayTaskError:
            raise  # ours: nothing of the target runs in the process of the task
        except self.ray.exceptions.RayError as error:
            return self._lost(index, nodes, type(error).__name__)
        report = dataclasses.replace(wire.from_bytes(payload)[0], target=self.orders[index].target)
        packages = {name: made_on.get(name, known) for name, known in self.made_on.items()}
        return Finished(index, report, peak_bytes), packages

    def _lost(self, index: int, nodes: frozenset[str], why: str) -> tuple[Finished, Mapping[str, str]] | None:
        attempts = self.attempts[index]
        if self._are_gone(nodes, patience_s=_NOTICED_S if attempts.crashes + 1 == _MOST_CRASHES else 0.0):
            attempts.losses += 1
            problem = Problem(TargetError.__name__, f"the nodes that analysed it were lost {attempts.losses} times")
            problem = dataclasses.replace(problem, hint=_LOSS_HINT)
        else:
            attempts.crashes += 1
            message = f"the target ended the process that analyses it, {attempts.crashes} times ({why})"
            problem = Problem(TargetError.__name__, message, _CRASH_HINT)
        if attempts.crashes < _MOST_CRASHES and attempts.losses < _MOST_LOSSES:
            self.waiting.insert(0, index)
            return None
        return Finished(index, failed(self.orders[index].target, problem), None), self.made_on

    def _are_gone(self, nodes: frozenset[str], *, patience_s: float) -> bool:
        """Is one of these lost?  Asked in time, before a target is charged with it."""
        limit = time.monotonic() + patience_s
        while not (gone := bool(nodes - self._nodes())) and time.monotonic() < limit:
            time.sleep(_LOOK_S)
        return gone

    def _nodes(self) -> frozenset[str]:
        """Those that live."""
        return frozenset(node["NodeID"] for node in self.ray.nodes() if node["Alive"])


def _require_answer(address: str) -> None:
    """Ray tries for many minutes where nobody listens.

    Raises:
        OSError: Nobody does.
    """
    host, _, port = address.rpartition("://")[2].partition("/")[0].rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host, int(port)), _ANSWER_S).close()


def analysed(content: bytes) -> Sent:
    """One order, on a node: what a task does."""
    order = Order.from_bytes(content)
    limit_bytes = order.memory_limit_bytes or memory.share_bytes(os.cpu_count() or 1)
    (done,) = pool.stream([dataclasses.replace(order, memory_limit_bytes=limit_bytes, threads=1)])
    return wire.to_bytes((done.report, None)), done.peak_bytes, environment(order.settings.device or "cpu")
