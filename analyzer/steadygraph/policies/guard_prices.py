"""What guards cost: guard managers of each choice of them, built and asked in one run."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from steadygraph import torch_private
from steadygraph.model.budget import GuardId
from steadygraph.observe.guards import values

#: Each choice is asked in so many rounds, one after the other; the fastest counts.
_ROUNDS = 15
_ROUND_S = 0.0005
#: Of so many frames; a model with more of them has graph breaks to mend first.
_MOST_FRAMES = 100


@dataclass(slots=True)
class PriceList:
    """The prices of choices of guards, over all frames that a call compiled.

    Args:
        choices: By name, filters as ``torch.compile`` takes them.
    """

    choices: Mapping[str, torch_private.Filter]
    guards: Counter[str] = field(default_factory=Counter)
    #: The guards that are left of all.
    ids: dict[str, set[GuardId]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    memory_bytes: Counter[str] = field(default_factory=Counter)
    #: False: the C library does not tell.
    knows_memory: bool = True
    frames: int = 0

    def add(self, workshop: torch_private.GuardWorkshop) -> None:
        """Price the guards of one frame."""
        self.frames += 1
        guards = [torch_private.guard_id(entry) for entry in workshop.entries]
        told = [values.value(made) for made in workshop.made()]
        kept = {name: list(choice(workshop.entries)) for name, choice in self.choices.items()}
        for name, keep in kept.items():
            self.guards[name] += len(values.distinct(itertools.compress(told, keep)))
            self.ids.setdefault(name, set()).update(itertools.compress(guards, keep))
        if self.frames > _MOST_FRAMES:
            return
        trees = {}
        for name, keep in kept.items():
            trees[name], size = workshop.measured(keep)
            self.knows_memory = self.knows_memory and size is not None
            self.memory_bytes[name] += size or 0
        fastest: dict[str, float] = {}
        for _ in range(_ROUNDS):
            for name, tree in trees.items():
                took = tree.seconds(workshop.f_locals, _ROUND_S)
                fastest[name] = min(fastest.get(name, took), took)
        for name, took in fastest.items():
            self.seconds[name] = self.seconds.get(name, 0.0) + took

    def us_per_call(self, name: str) -> float | None:
        return round(self.seconds[name] * 1e6, 2) if name in self.seconds else None
