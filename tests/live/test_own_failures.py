"""Whatever of ours raises, in whichever place: the process goes on as it would without us, and a line says so."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.live.model import DROPPED, decoder, served

from steadygraph import live, watch

#: What a user calls himself: it raises there, or not at all.
CALLED_BY_THE_USER = {
    "watch",
    "_wanted",
    "Watching.__init__",
    "Watching.__enter__",
    "Watching.__exit__",
    "Watching.close",
    "Watching._ended_well",
    "Watching.serving_starts",
    "Watching.findings",
    "Watching.recording",
    "LiveObserver.__init__",
    "LiveFolder.__init__",
    "_never_failing",
}


def functions() -> Iterator[tuple[str, object, str]]:
    """Every function and method of the room: its name, who holds it, and under which name."""
    for info in pkgutil.iter_modules(live.__path__):
        module = importlib.import_module(f"{live.__name__}.{info.name}")
        for name, held in vars(module).items():
            if getattr(held, "__module__", None) != module.__name__:
                continue
            if inspect.isfunction(held):
                yield name, module, name
            elif inspect.isclass(held):
                for method, value in vars(held).items():
                    if inspect.isfunction(value) or isinstance(value, property):
                        yield f"{held.__name__}.{method}", held, method


ALL = [one for one in functions() if one[0] not in CALLED_BY_THE_USER]


class OursError(Exception):
    """Nobody else raises it."""


def fails(*_args: object, **_kwargs: object) -> Any:
    raise OursError("steadygraph is wrong")


def outputs(options: dict[str, Any] | None) -> list[torch.Tensor]:
    torch.compiler.reset()
    model = decoder()
    return list(served(model, torch.compile(model, backend="eager", dynamic=True, options=options and dict(options))))


@pytest.fixture(scope="module")
def alone() -> dict[bool, list[torch.Tensor]]:
    return {False: outputs(None), True: outputs(DROPPED)}


def test_the_whole_room_is_tried() -> None:
    assert {"LiveObserver.opened", "Hearing.called", "LiveRegion.counted", "exact", "recording"} <= {n for n, *_ in ALL}


@pytest.mark.parametrize(("name", "owner", "attribute"), ALL, ids=[name for name, *_ in ALL])
def test_a_process_goes_on_whichever_of_our_functions_raises(
    name: str,
    owner: object,
    attribute: str,
    alone: dict[bool, list[torch.Tensor]],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    called: list[str] = []

    def raising(*_args: object, **_kwargs: object) -> Any:
        called.append(name)
        fails()

    found = vars(owner)[attribute]
    lines: list[str] = []
    for dropped in (False, True):
        watching = watch(report=tmp_path, every=4, tell=lines.append)
        with monkeypatch.context() as patch:
            patch.setattr(owner, attribute, property(raising) if isinstance(found, property) else raising)
            seen = outputs(DROPPED if dropped else None)
            watching.close()

        assert all(torch.equal(one, other) for one, other in zip(seen, alone[dropped], strict=True))
    # What says it cannot say that it failed itself.
    silent = {"LiveObserver.gave_up", "Watching._lost", "_told"}
    assert not called or name in silent or [line for line in lines if "OursError" in line], lines


def test_what_goes_wrong_outside_of_the_room_costs_the_region_and_is_said(
    alone: dict[bool, list[torch.Tensor]], monkeypatch: pytest.MonkeyPatch
) -> None:
    from steadygraph.observe.run.call_watch import CallWatch

    lines: list[str] = []
    with watch(tell=lines.append), monkeypatch.context() as patch:
        patch.setattr(CallWatch, "frame_compiled", fails)
        seen = outputs(None)

    assert all(torch.equal(one, other) for one, other in zip(seen, alone[False], strict=True))
    assert lines == ["steadygraph: `Decoder` is no longer watched: OursError: steadygraph is wrong"]


def test_watching_again_works_after_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    with watch(tell=[].append), monkeypatch.context() as patch:
        patch.setattr("steadygraph.live.structure_key.exact", fails)
        outputs(None)

    with watch(tell=[].append) as watching:
        outputs(None)

    rules: Callable[[], list[str]] = lambda: [finding.rule for finding in watching.findings]  # noqa: E731
    assert rules() == ["SG101", "SG301"]
