"""Whatever of ours raises inside an engine, in whichever place: it answers as it would without us."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from tests.live.engines.conftest import Server

from steadygraph.live import engines

#: What stands in front of the engine's own functions, and what holds whatever goes wrong behind that.
IN_FRONT = {"EngineCalls.made", "EngineCalls._held", "Phase.dummy", "Phase.step", "_Engine.meets"}
#: Called when the process ends.
LAST = {"PlacedWatching.close", "PlacedWatching._finish"}
#: Of reports of several ranks, which no engine makes, and of another engine.
OF_REPORTS = ("ranks", "sglang")


def functions() -> Iterator[tuple[str, object, str]]:
    for info in pkgutil.iter_modules(engines.__path__):
        module = importlib.import_module(f"{engines.__name__}.{info.name}")
        for name, held in [*vars(module).items()]:
            if getattr(held, "__module__", None) != module.__name__ or info.name in OF_REPORTS:
                continue
            if inspect.isfunction(held):
                yield name, module, name
            elif inspect.isclass(held):
                for method, value in vars(held).items():
                    function = value.fget if isinstance(value, property) else value
                    if inspect.isfunction(function) and function.__code__.co_filename == module.__file__:
                        yield f"{held.__name__}.{method}", held, method


ALL = [one for one in functions() if one[0] not in IN_FRONT | LAST]
WRONG = "steadygraph is wrong"
SERVED = ((5, False), (1, False), (3, True), (3, True), (1, False))


def results(server: Server) -> list[torch.Tensor]:
    server.start()
    return [server.serve(rows, image=image) for rows, image in SERVED]


@pytest.fixture
def alone(server: Server, monkeypatch: pytest.MonkeyPatch) -> list[torch.Tensor]:
    """By hand: what the graph of warm-up makes of each call, which has no images."""
    model: Any = importlib.import_module("served_model")
    config = importlib.import_module("vllm.config")
    with config.set_current_vllm_config(config.VllmConfig()):
        layer = model.Text(vllm_config=config.VllmConfig()).layer
    with torch.inference_mode():
        return [layer(torch.linspace(-1, 1, 4 * rows).reshape(rows, 4)) for rows, _ in SERVED]


@pytest.mark.parametrize(("name", "owner", "attribute"), ALL, ids=[f"{name}" for name, *_ in ALL])
def test_an_engine_goes_on_whichever_of_our_functions_raises(
    name: str,
    owner: Any,
    attribute: str,
    alone: list[torch.Tensor],
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    called = []

    def raising(*_args: object, **_kwargs: object) -> Any:
        called.append(name)
        raise RuntimeError(WRONG)

    held = vars(owner)[attribute]
    with monkeypatch.context() as patch:
        patch.setattr(owner, attribute, property(raising) if isinstance(held, property) else raising)

        seen = results(server)

    assert all(torch.equal(one, other) for one, other in zip(seen, alone, strict=True))
    told = capsys.readouterr().err
    if called and name not in SILENT:
        assert WRONG in told or any(WRONG in note for case in server.watching.report().cases for note in case.notes)


#: What says it cannot say that it failed itself.
SILENT = {"_Engine._say", "PlacedWatching._to_stderr"}


def test_most_of_the_room_is_tried() -> None:
    names = {name for name, *_ in ALL}

    assert {"EngineObserver._learn", "Rebuilt._empty", "_Engine._meets", "EngineCalls._opened", "marked"} <= names
