"""How the references refuse, and what they may not do: take memory, make the host wait."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch
from torch.profiler import ProfilerActivity, profile

from steadygraph.observe.syncs.syncs import SyncWatch

Action = Callable[[], object]


@pytest.fixture(autouse=True)
def fresh_dynamo() -> Iterator[None]:
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


@pytest.fixture
def refusal() -> Callable[[Action], str]:
    """The message of the ValueError by which an action is refused."""

    def message(action: Action) -> str:
        with pytest.raises(ValueError, match=r".") as caught:
            action()
        return str(caught.value)

    return message


@pytest.fixture
def allocations() -> Callable[[Action], list[int]]:
    """Bytes of everything that the allocator is asked for during an action, inside of operators too."""

    def measured(action: Action) -> list[int]:
        with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
            action()
        assert profiler.profiler is not None
        events = profiler.profiler.kineto_results.events()
        return [event.nbytes() for event in events if event.name() == "[memory]" and event.nbytes() > 0]

    return measured


@pytest.fixture
def syncs() -> Callable[..., list[str]]:
    """What makes the host wait during an action: for tensors on ``device``, or, by default, as if all were on one."""

    def watched(action: Action, device: str = "") -> list[str]:
        watch = SyncWatch(device=device)
        with watch.watching():
            action()
        return [sync.operation for sync in watch.syncs()]

    return watched
