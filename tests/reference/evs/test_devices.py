"""On a device: every index where the data are, and one place where the host waits."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from steadygraph.accelerator import simulated
from steadygraph.observe.inputs.symbols import is_unknown
from steadygraph.observe.syncs.syncs import SyncWatch
from steadygraph.reference.evs import (
    FinalSequence,
    Media,
    Placeholder,
    PrunedVideo,
    chunk_positions,
    kept_per_frame,
    prune_video,
    retained_indices,
    retention_mask,
    retention_masks,
)
from steadygraph.reference.evs.distance import distance

GRID, RATE = (3, 4, 4), 0.5
PLACEHOLDER = Placeholder(GRID, 2, ((1, 2), (1, 3), (1, 4)), 90, 91, 92)
LENGTH = PLACEHOLDER.length(RATE)


def everything(features: Tensor, embed: nn.Embedding) -> tuple[PrunedVideo, list[Tensor]]:
    """All that needs no host synchronisation, on the device of ``features``."""
    device = features.device
    video = prune_video(PLACEHOLDER, features, RATE, embed)
    return video, [
        retention_mask(features, GRID, 2, RATE),
        *retention_masks(features, [(1, 4, 4), (2, 4, 4)], 2, RATE),
        FinalSequence(PLACEHOLDER, retained_indices(features, GRID, 2, RATE)).ids(),
        chunk_positions([Media.video(2, PLACEHOLDER, RATE, video.positions)], 0, LENGTH, device),
        chunk_positions([Media.image(2, (1, 4, 4), 2, device)], 0, 9, device),
        distance(features, 3),
    ]


@pytest.mark.parametrize("device", ["cuda:0", "cuda:1"])
@pytest.mark.parametrize("default", ["cpu", "cuda:0"])
def test_everything_is_where_the_features_are(device: str, default: str) -> None:
    """A simulated device refuses an index from elsewhere, and every value that the host would have to wait for."""
    with simulated("cuda:1"), torch.device(default):
        video, others = everything(torch.ones(12, 4, device=device), nn.Embedding(100, 2, device=device))

        assert {str(t.device) for t in (*video, *others)} == {device}
        assert [list(t.shape) for t in video] == [[12], [LENGTH, 4], [5, LENGTH]]


def test_everything_traces_as_one_graph_on_a_device() -> None:
    with simulated():
        embed = nn.Embedding(100, 2, device="cuda")
        compiled = torch.compile(lambda rows: everything(rows, embed), fullgraph=True, backend="eager")

        video, others = compiled(torch.ones(12, 4, device="cuda"))

        assert {str(t.device) for t in (*video, *others)} == {"cuda:0"}


class Uploads(TorchFunctionMode):
    """Copies from the host to a device: (function, non_blocking)."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, bool]] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        made_of_host_data = func is torch.tensor or (func is torch.Tensor.to and args[0].device.type == "cpu")
        if made_of_host_data and result.device.type != "cpu":
            self.found.append((func.__name__, bool((kwargs or {}).get("non_blocking"))))
        return result


def test_what_the_host_sends_goes_through_pinned_memory_and_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy that is not pinned, or not non_blocking, waits for everything that the device still has to do."""
    pinned: list[torch.device] = []
    with simulated(), monkeypatch.context() as patch, Uploads() as uploads:
        patch.setattr(torch.Tensor, "pin_memory", lambda tensor: pinned.append(tensor.device) or tensor)
        features, embed = torch.ones(12, 4, device="cuda"), nn.Embedding(100, 2, device="cuda")

        prune_video(PLACEHOLDER, features, RATE, embed)

    assert pinned == [torch.device("cpu")]
    assert uploads.found == [("to", True)]


def test_kept_per_frame_is_the_one_host_synchronisation() -> None:
    features, embed, watch = torch.randn(12, 4), nn.Embedding(100, 2), SyncWatch()

    with watch.watching():
        video, _ = everything(features, embed)
        kept_per_frame(video.mask, 3)

    (sync,) = watch.syncs()
    assert (sync.operation, sync.count) == (".tolist()", 1)
    assert sync.location is not None
    assert sync.location.text == "kept_per_frame(video.mask, 3)"


def test_kept_per_frame_is_one_number_a_frame_that_only_the_device_knows() -> None:
    with simulated():
        mask = retention_mask(torch.ones(12, 4, device="cuda"), GRID, 2, RATE)

        kept = kept_per_frame(mask, 3)

        assert [is_unknown(number) for number in kept] == [True] * 3
