"""Whatever of ours raises, in whichever place: the process goes on as it would without us, and a line says so."""

from __future__ import annotations

import functools
import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from tests.live.model import DROPPED, decoder, served

from steadygraph import live, watch
from steadygraph.live.reproduction import loading

#: What a user calls himself: it raises there, or not at all.
CALLED_BY_THE_USER = {
    "watch",
    "_wanted",
    "Watching.__init__",
    "Watching._observing",
    "Watching._stored",
    "Watching._heard",
    "Watching.__enter__",
    "Watching.__exit__",
    "Watching.close",
    "Watching._ended_well",
    "Watching.serving_starts",
    "Watching.findings",
    "Watching.recording",
    "Watching.write_case",
    "LiveObserver.__init__",
    "LiveFolder.__init__",
    "_never_failing",
}


def is_written(value: object, module: ModuleType) -> bool:
    """Is this a function or a property of the file, and not one that was made for it?"""
    function = inspect.unwrap(value.fget if isinstance(value, property) else value)  # type: ignore[arg-type]
    return inspect.isfunction(function) and function.__code__.co_filename == module.__file__


def modules() -> Iterator[ModuleType]:
    """Of the room; what is copied into cases runs there."""
    for info in pkgutil.walk_packages(live.__path__, f"{live.__name__}."):
        if info.name != loading.__name__:
            yield importlib.import_module(info.name)


def functions() -> Iterator[tuple[str, object, str]]:
    """Every function and method of the room: its name, who holds it, and under which name."""
    for module in modules():
        for name, held in vars(module).items():
            if getattr(held, "__module__", None) != module.__name__:
                continue
            if is_written(held, module):
                yield name, module, name
            elif inspect.isclass(held):
                for method, value in vars(held).items():
                    if is_written(value, module):
                        yield f"{held.__name__}.{method}", held, method


#: Those of a script under ``steadygraph run`` are another test's.
ALL = [one for one in functions() if one[0] not in CALLED_BY_THE_USER and not one[1].__name__.endswith("script")]  # type: ignore[attr-defined]


def replace(patch: pytest.MonkeyPatch, owner: object, attribute: str, made: Callable[[Any], Any]) -> None:
    """Put another function in its place, by whichever name the room knows it."""
    held = vars(owner)[attribute]
    if isinstance(held, property):
        patch.setattr(owner, attribute, property(made(held.fget)))
        return
    other = made(held)
    patch.setattr(owner, attribute, other)
    for module in modules():
        for name, value in [*vars(module).items()]:
            if value is held:
                patch.setattr(module, name, other)


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


@pytest.fixture(scope="module")
def needed(tmp_path_factory: pytest.TempPathFactory) -> dict[bool, set[str]]:
    """What is called where guards are kept, and where they are dropped."""
    found: dict[bool, set[str]] = {False: set(), True: set()}

    def noting(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            found[dropped].add(name)
            return function(*args, **kwargs)

        return call

    with pytest.MonkeyPatch.context() as patch:
        for name, owner, attribute in ALL:
            replace(patch, owner, attribute, functools.partial(noting, name))
        for dropped in found:
            folders = {"report": tmp_path_factory.mktemp("report"), "cases": tmp_path_factory.mktemp("cases")}
            with watch(**folders, every=4, tell=[].append):
                outputs(DROPPED if dropped else None)
    return found


def test_the_whole_room_is_tried(needed: dict[bool, set[str]]) -> None:
    both = {
        "LiveObserver.opened",
        "Hearing.called",
        "Hearing.ran",
        "Recognition.settle",
        "recording",
        "LiveFolder.write",
    }

    assert both <= needed[False] & needed[True]
    assert {"LiveObserver._trace", "LiveRegion.hears_locals", "look"} <= needed[True] - needed[False]


@pytest.mark.parametrize(("name", "owner", "attribute"), ALL, ids=[name for name, *_ in ALL])
def test_a_process_goes_on_whichever_of_our_functions_raises(
    name: str,
    owner: object,
    attribute: str,
    alone: dict[bool, list[torch.Tensor]],
    needed: dict[bool, set[str]],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    called: list[str] = []

    def raising(*_args: object, **_kwargs: object) -> Any:
        called.append(name)
        fails()

    lines: list[str] = []
    kinds = [kind for kind, names in needed.items() if name in names]
    # What torch calls is tried in both; what is called from there is called in the same place.
    for dropped in kinds if name.startswith(("Hearing", "LiveObserver")) else kinds[-1:]:
        # To write a report takes longer than all else.
        writes_cases = "reproduction" in str(owner) or "Case" in name
        folder = {"cases" if writes_cases else "report": tmp_path} if writes_cases or "Folder" in name else {}
        watching = watch(**folder, every=4, tell=lines.append)
        with monkeypatch.context() as patch:
            replace(patch, owner, attribute, lambda _: raising)
            seen = outputs(DROPPED if dropped else None)
            watching.close()

        assert all(torch.equal(one, other) for one, other in zip(seen, alone[dropped], strict=True))
    # What says it cannot say that it failed itself.
    silent = {"LiveObserver.gave_up", "Watching._lost", "Watching._say", "_told"}
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
        patch.setattr("steadygraph.live.structure_key.coarse", fails)
        outputs(None)

    with watch(tell=[].append) as watching:
        outputs(None)

    rules: Callable[[], list[str]] = lambda: [finding.rule for finding in watching.findings]  # noqa: E731
    assert rules() == ["SG101", "SG301"]
