"""A sweep from its suites to the entries of its targets, which are on disk as soon as they are there."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

from steadygraph.config import Options
from steadygraph.errors import UsageError
from steadygraph.model.environment import UNKNOWN, environment, version
from steadygraph.model.run import FailOn
from steadygraph.sweep import folder, last, local
from steadygraph.sweep.entry import Entry
from steadygraph.sweep.folder import Manifest
from steadygraph.sweep.plan import Shard, longest_first
from steadygraph.sweep.suites import Suites
from steadygraph.workers import pool
from steadygraph.workers.order import Order
from steadygraph.workers.pool import Finished, OnStart

#: What became of an order, and what it was carried out with.
Ran = tuple[Finished, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a sweep is asked for.

    Args:
        texts: The suites as they were written.
        suites: Their targets.
        out: The folder.
        options: Of the analyses.
        shard: The part that is done here.
        resume: Go on with what is in the folder.
        last: A sweep that says how long targets take; None: the newest beside the folder.
        ray: The address of a cluster; None: this machine.
        silent: Throw away what targets print.
    """

    texts: tuple[str, ...]
    suites: Suites
    out: Path
    options: Options
    shard: Shard = Shard()  # noqa: RUF009
    resume: bool = False
    last: Path | None = None
    ray: str | None = None
    silent: bool = False


@dataclass(slots=True)
class Sweeping:
    """A sweep that runs; what was finished before it began is in ``kept`` from the start."""

    asked: Asked
    kept: dict[str, Entry] = field(default_factory=dict)
    #: Those to be done, in the order in which they begin.
    orders: list[Order] = field(default_factory=list)
    #: The sweep whose times say what begins first.
    times: Path | None = None
    _carry_out: Callable[[OnStart], Generator[Ran]] | None = None

    def prepare(self) -> None:
        """All that can be found out before anything runs.

        Raises:
            UsageError: The folder is another sweep's, or cannot be written to.
        """
        asked, options = self.asked, self.asked.options
        targets = {request.target: folder.shown(request.target) for request in asked.suites.requests}
        made = _manifest(asked, tuple(targets.values()))
        begin = self._begin_there(asked.ray, made) if asked.ray is not None else None
        self._begin(made)
        waiting = [each for each in asked.shard.part(asked.suites.requests) if targets[each.target] not in self.kept]
        self.times, known = last.entries(asked.last, beside=asked.out)
        requests = longest_first(waiting, known, targets)
        peaks = [one.peak_bytes if (one := known.get(targets[each.target])) else None for each in requests]
        room = local.room(requests, peaks, options)
        self.orders = pool.orders(
            room.requests,
            options.settings,
            jobs=options.jobs,
            timeout_s=options.timeout_s,
            # The share of a node is known there.
            memory_limit_bytes=options.memory_limit_bytes if asked.ray is None else options.memory_limit_bytes or 0,
            silent=asked.silent,
            preload=asked.suites.preload,
        )
        self._carry_out = begin or (
            lambda begun: local.carried_out(
                self.orders, room, jobs=options.jobs, on_start=begun, made_on=made.environment
            )
        )

    def _begin_there(self, address: str, made: Manifest) -> Callable[[OnStart], Generator[Ran]]:
        """On a cluster, which is looked for before anything is written."""
        from steadygraph.sweep.cluster import Cluster

        cluster = Cluster(address)
        return lambda begun: cluster.carried_out(self.orders, on_start=begun, made_on=made.environment)

    def entries(self, on_start: OnStart) -> Generator[tuple[int, Entry]]:
        """Do what is to be done.

        Args:
            on_start: Told the index of each order when it begins, with a function that says what it is about.

        Yields:
            Index and entry of each order once its report is on disk.
        """
        assert self._carry_out is not None, "prepare() comes first"
        with contextlib.closing(self._carry_out(on_start)) as results:
            for finished, made_on in results:
                kept = folder.keep(
                    self.asked.out,
                    finished.report,
                    peak_bytes=finished.peak_bytes,
                    environment=made_on,
                    fail_on=cast(FailOn, self.asked.options.fail_on),
                )
                self.kept[kept.target] = kept
                yield finished.index, kept

    def _begin(self, made: Manifest) -> None:
        out = self.asked.out
        if folder.is_sweep(out):
            if not self.asked.resume:
                raise UsageError(f"{out} holds a sweep already", hint="go on with --resume, or name another directory")
            before = folder.read(out).manifest
            _require_same(before, made, out)
            part = set(made.part)
            self.kept = {entry.target: entry for entry in folder.done(out) if entry.target in part}
        elif self.asked.resume and out.is_dir() and any(out.iterdir()):
            raise UsageError(f"{out} holds no sweep to go on with", hint="name the directory of one with --out")
        folder.begin(out, made)


def _manifest(asked: Asked, targets: tuple[str, ...]) -> Manifest:
    settings = asked.options.settings
    policies = settings.policies
    options = {
        "policy": "default" if policies is None else ", ".join(each.value for each in policies),
        "backend": ", ".join(settings.backends),
        "select": ", ".join(settings.select) or "all",
        "ignore": ", ".join(settings.ignore) or "none",
        "device": settings.device or "default",
        "gpu": settings.gpu or "default",
    }
    made_on = environment(settings.device or "cpu") | _packages(asked.suites)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return Manifest(asked.texts, options, targets, str(asked.shard), now, made_on)


def _packages(suites: Suites) -> dict[str, str]:
    """The versions of what targets are classes of."""
    roots = {each.target.partition(":")[0].partition(".")[0] for each in suites.requests if ":" in each.target}
    found = {name: version(name) for name in sorted(roots) if name.isidentifier()}
    return {name: each for name, each in found.items() if each != UNKNOWN}


def _require_same(before: Manifest, now: Manifest, out: Path) -> None:
    """What is kept must be what would be found now."""
    if before.shard != now.shard:
        raise UsageError(f"{out} holds shard {before.shard}, not {now.shard}", hint=f"give --shard {before.shard}")
    for name, old, new in folder.differing(before.options, now.options):
        raise UsageError(f"{out} holds a sweep with {name} {old}, not {new}", hint="go on with the same options")
    for name, old, new in folder.differing(before.environment, now.environment):
        hint = "begin another sweep: one with results of both says nothing of either"
        raise UsageError(f"{out} holds a sweep with {name} {old}, and here is {new}", hint=hint)
