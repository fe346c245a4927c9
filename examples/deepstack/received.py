"""What the decoder receives from each store: steps with one level and a capacity of 32 tokens.

python examples/deepstack/received.py
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

import torch

from deepstack_model import IntermediateTensors
from deepstack_stores import V0, V1, V2, V3, Reference, Store

STORES = (V0, V1, V2, V3, Reference)
CAPACITY, HIDDEN = 32, 4


@dataclass(frozen=True)
class Step:
    """``n_s`` tokens run as ``n_p`` padded rows; an image covers all scheduled tokens, or there is none."""

    scheduled: int
    padded: int
    image: bool = False
    micro_batches: int = 1
    #: The step ends after its tokens were embedded.
    aborted: bool = False
    #: A dummy run embeds nothing.
    dummy: bool = False


TEXT, ABORTED = Step(16, 16), Step(16, 16, image=True, aborted=True)
#: Steps in this order, on a new store.
STORIES = {
    "profile 16": (Step(0, 16, dummy=True),),
    "image 16/16": (Step(16, 16, image=True),),
    "image 9/16, then text 16": (Step(9, 16, image=True), TEXT),
    "image 16 aborted after embed, then text 16": (ABORTED, TEXT),
    "image 16 aborted, image 4/8, text 16, text 16": (ABORTED, Step(4, 8, image=True), TEXT, TEXT),
    "image 16 as micro-batches 8 + 8, then text 16": (Step(16, 16, image=True, micro_batches=2), TEXT),
}


def received(store: type[Store], story: tuple[Step, ...]) -> list[str]:
    """In words, for each call of the decoder: ``None``, ``zeros``, ``rows 0..8``, ``stale rows 9..15``."""
    one, words = store(1, CAPACITY, HIDDEN), []
    for number, step in enumerate(story, 1):
        try:
            words += run(one, step, number)
        except ValueError:
            words.append("ValueError")
    return words


def run(store: Store, step: Step, number: int) -> list[str]:
    """One step; the rows of its image all have the number of the step."""
    if not step.dummy:
        payload = torch.full((1, step.scheduled, HIDDEN), float(number)) if step.image else None
        store.set(payload, torch.zeros(step.scheduled, HIDDEN))
    if step.aborted:
        return []
    words, size = [], step.padded // step.micro_batches
    for start in range(0, step.padded, size):
        given = store.get(torch.zeros(size, HIDDEN), start if step.micro_batches > 1 else None)
        words.append(described(given, start, number))
        store.clear(size)
    store.end()
    return words


def described(given: IntermediateTensors | None, start: int, number: int) -> str:
    if given is None:
        return "None"
    values, found = given["deepstack_input_embeds_0"][:, 0].tolist(), []
    for value, run_of_rows in groupby(enumerate(values, start), key=lambda row: row[1]):
        rows = [row for row, _ in run_of_rows]
        if value:
            found.append(f"{'' if value == number else 'stale '}rows {rows[0]}..{rows[-1]}")
    return " and ".join(found) or "zeros"


def table() -> list[str]:
    """The stories by the stores, in Markdown."""
    lines = [f"| steps | {' | '.join(store.__name__ for store in STORES)} |", "|---" * (1 + len(STORES)) + "|"]
    for name, story in STORIES.items():
        lines.append(f"| {name} | {' | '.join(', '.join(received(store, story)) for store in STORES)} |")
    return lines


if __name__ == "__main__":
    print("\n".join(table()))
