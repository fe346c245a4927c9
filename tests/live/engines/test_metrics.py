"""What a watched engine tells Prometheus and OpenTelemetry: numbers and names, none of what was computed with."""

from __future__ import annotations

import contextlib
import functools
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from prometheus_client import REGISTRY, CollectorRegistry, Counter
from tests.live.engines.conftest import Server

from steadygraph.live.engines import metrics


@pytest.fixture(autouse=True)
def _made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counters are made once in a process: those of other tests stay as they are."""
    monkeypatch.setattr(metrics, "_counter", functools.cache(metrics._counter.__wrapped__))


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> CollectorRegistry:
    """One of the test's own, in the place of that of the process."""
    own = CollectorRegistry()
    monkeypatch.setattr(metrics, "_client", lambda: lambda *about: Counter(*about, registry=own))
    return own


def test_the_counters_say_what_the_report_says(server: Server, registry: CollectorRegistry) -> None:
    server.start()
    for rows, image in ((5, False), (5, False), (3, True), (3, True)):
        server.serve(rows, image=image)
    server.watching.report()
    server.serve(5)
    (case,) = server.watching.report().cases

    def value(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(f"steadygraph_{name}_total", {"rank": "0", **labels})

    seen = sum(entry.seen.calls for entry in case.scenarios if entry.seen)
    assert value("checked_calls", region="TextWithImages") == seen == 6
    assert value("violated_structures", region="TextWithImages", rule="SG101") == 1
    assert value("recompilations", region="TextWithImages") is None
    assert 0 < (value("seconds") or 0) < 60


def test_the_counters_stand_where_the_engine_looks() -> None:
    counter = metrics._counter("steadygraph_tried", "By a test.", ("rank",))

    try:
        counter.labels(rank="0").inc()
        assert REGISTRY.get_sample_value("steadygraph_tried_total", {"rank": "0"}) == 1
    finally:
        REGISTRY.unregister(counter)


def test_without_the_client_an_engine_is_watched_all_the_same(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)

    server.start()
    server.serve(3, image=True)

    assert [finding.rule for finding in server.findings()] == ["SG101"]


class Span:
    """As OpenTelemetry's."""

    def __init__(self, recording: bool) -> None:
        self.recording, self.events = recording, list[tuple[str, dict[str, Any]]]()

    def is_recording(self) -> bool:
        return self.recording

    def add_event(self, name: str, attributes: dict[str, Any]) -> None:
        self.events.append((name, attributes))


@pytest.mark.parametrize("is_in_a_span", [True, False])
def test_a_finding_is_an_event_without_its_text(
    server: Server, monkeypatch: pytest.MonkeyPatch, is_in_a_span: bool, line_of: Any
) -> None:
    current, own = Span(is_in_a_span), Span(True)
    tracer = SimpleNamespace(start_as_current_span=lambda _name: contextlib.nullcontext(own))
    opentelemetry: Any = ModuleType("opentelemetry")
    opentelemetry.trace = SimpleNamespace(get_current_span=lambda: current, get_tracer=lambda _name: tracer)
    monkeypatch.setitem(sys.modules, "opentelemetry", opentelemetry)
    server.start()

    server.serve(3, image=True)

    assert (current if is_in_a_span else own).events == [
        (
            "steadygraph.finding",
            {
                "steadygraph.rule": "SG101",
                "steadygraph.severity": "error",
                "steadygraph.region": "TextWithImages",
                "steadygraph.scenario": "serving-1",
                "steadygraph.rank": 0,
                "code.line.number": line_of("if deepstack is not None"),
                "code.function.name": "forward",
            },
        )
    ]
    assert (own if is_in_a_span else current).events == []


def test_a_report_holds_no_value_of_a_tensor(server: Server, tmp_path: Path) -> None:
    server.start()
    server.runner.execute_model(torch_full(3, 0.123456789), torch_full(3, 987.654321))

    (file,) = server.directory.glob("rank-*/report.json")

    text = file.read_text(encoding="utf-8")
    assert "SG101" in text
    assert "0.1234" not in text
    assert "987.65" not in text


def torch_full(rows: int, value: float) -> Any:
    import torch

    return torch.full((rows, 4), value)
