"""What is done with the guards of frames while they are compiled, beside what Dynamo does."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from steadygraph import torch_private
from steadygraph.observe.run.frame_watch import FrameWatch


@dataclass(frozen=True, slots=True)
class GuardWork:
    """Some of it may be left out.

    Args:
        filter: Says which guards are kept, as the ``guard_filter_fn`` of ``torch.compile`` does.
        apart: Build each guard once more, alone.
        told: Gets the guards of each frame when they are built.
    """

    filter: torch_private.Filter | None = None
    apart: bool = False
    tell: Callable[[torch_private.GuardWorkshop], object] | None = None

    @contextlib.contextmanager
    def told(self, watch: FrameWatch) -> Iterator[None]:
        """A block in which a frame is compiled."""
        with contextlib.ExitStack() as blocks:
            for tell in (watch.guards_taken_apart if self.apart else None, self.tell):
                if tell is not None:
                    blocks.enter_context(torch_private.guards_built(tell))
            yield
