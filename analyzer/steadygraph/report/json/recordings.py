"""Recordings as JSON: what was observed, without what belongs to one machine, to be judged again at any time.

A graph that ran in several calls is written once, and named by its position.  Recordings are read by the version of
the format that wrote them; reports are what other programs should read.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from steadygraph.errors import UsageError
from steadygraph.model import Graph, Observation, RecordedCall, Recording, RunRecording
from steadygraph.report import collector
from steadygraph.report.json import files, values
from steadygraph.report.portable import scrubbed

RECORDING_VERSION = 1
_HINT = "give a file that analyze --record wrote"


@dataclasses.dataclass(frozen=True, slots=True)
class _File:
    """What is in the file; ``ran`` has, for each recording, call and observation, the positions of its graphs."""

    recording_version: int
    run: RunRecording
    graphs: tuple[Graph, ...]
    ran: tuple[tuple[tuple[tuple[int, ...], ...], ...], ...]


@collector.paused()
def to_json(run: RunRecording, root: Path | None = None) -> str:
    """The recordings of a run as JSON: ASCII text that ends in a newline.

    Args:
        run: Any recordings.
        root: The project root, which paths become relative to; the current directory by default.
    """
    graphs: dict[Graph, int] = {}
    ran = tuple(
        tuple(
            tuple(tuple(graphs.setdefault(g, len(graphs)) for g in one.graphs) for one in call.observations)
            for call in recording.calls
        )
        for recording in run.recordings
    )
    bare = dataclasses.replace(run, recordings=tuple(_with_graphs(one, None) for one in run.recordings))
    file = scrubbed(_File(RECORDING_VERSION, bare, tuple(graphs), ran), root)
    return values.written(_File, file, indent=None) + "\n"


@collector.paused()
def from_json(text: str) -> RunRecording:
    """What :func:`to_json` wrote.

    Raises:
        UsageError: The text is no JSON, no recording of steadygraph, or of another version of the format.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"the recording is not JSON: {error}", hint=_HINT) from None
    if isinstance(value, dict) and "schema_version" in value and isinstance(value.get("cases"), list):
        problem = "this JSON is a report of steadygraph, not a recording"
        raise UsageError(problem, hint="show it with: steadygraph report REPORT.json")
    if not isinstance(value, dict) or "recording_version" not in value:
        problem = "this JSON is not a recording of steadygraph: it has no recording_version"
        raise UsageError(problem, hint=_HINT)
    if value["recording_version"] != RECORDING_VERSION:
        raise UsageError(
            f"the recording has version {value['recording_version']!r:.40}, this steadygraph reads {RECORDING_VERSION}",
            hint="judge it with the version of steadygraph that wrote it, or record again",
        )
    try:
        file: _File = values.taken(_File, value)
        recordings = tuple(
            _with_graphs(one, [[[_graph(file.graphs, number) for number in each] for each in call] for call in ran])
            for one, ran in zip(file.run.recordings, file.ran, strict=True)
        )
    except ValueError as error:
        problem = values.complaint(error) if isinstance(error, ValidationError) else str(error)
        raise UsageError(f"this JSON is not a recording of steadygraph: {problem}", hint=_HINT) from None
    return dataclasses.replace(file.run, recordings=recordings)


def read(file: Path) -> RunRecording:
    """The recordings in a file.

    Raises:
        UsageError: It cannot be read, is no text, or :func:`from_json` cannot make recordings of it.
    """
    return files.read(file, from_json, _HINT)


def piped() -> RunRecording:
    """The same of standard input."""
    return files.piped(from_json, _HINT)


def _with_graphs(recording: Recording, graphs: Sequence[Sequence[Sequence[Graph]]] | None) -> Recording:
    """The recording with these graphs for the observations of its calls; None: without any."""
    calls = []
    for position, call in enumerate(recording.calls):
        own = [()] * len(call.observations) if graphs is None else graphs[position]
        calls.append(_call(call, [tuple(each) for each in own]))
    return dataclasses.replace(recording, calls=tuple(calls))


def _call(call: RecordedCall, graphs: Sequence[tuple[Graph, ...]]) -> RecordedCall:
    observations: tuple[Observation, ...] = tuple(
        dataclasses.replace(one, graphs=ran) for one, ran in zip(call.observations, graphs, strict=True)
    )
    return dataclasses.replace(call, observations=observations)


def _graph(graphs: Sequence[Graph], number: int) -> Graph:
    if not 0 <= number < len(graphs):
        raise ValueError(f"it names graph {number} and has {len(graphs)} graphs")
    return graphs[number]
