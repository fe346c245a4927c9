"""Graph breaks: Dynamo's words, translated in one place."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterable, Sequence

from steadygraph.model import BreakReason, GraphBreak, Location
from steadygraph.observe.places import locations
from steadygraph.redaction.text import redacted
from steadygraph.torch_private.entries import BreakEvent, SkippedFrame

#: torch 2.13: the reason recorded with a graph says "generic_jump", the registry of graph breaks "Data-dependent
#: branching", for the same thing.
_REASONS = (
    (re.compile(r"does not support running with fake tensors"), BreakReason.NO_FAKE_IMPLEMENTATION),
    (re.compile(r"generic_jump|[Dd]ata-dependent branching"), BreakReason.DATA_DEPENDENT_BRANCH),
    (
        re.compile(
            r"Tensor\.item|\.item\(\)|\.tolist\(\)|[Dd]ata.dependent|Dynamic (shape|output)|nonzero|unbacked",
            re.IGNORECASE,
        ),
        BreakReason.DATA_DEPENDENT_OPERATOR,
    ),
    # Dynamo calls a C function that it has no rule for "marked as skipped" too.
    (re.compile(r"does not know how to trace the builtin"), BreakReason.UNSUPPORTED_CALL),
    (
        re.compile(r"torch\.compiler\.disable|torch\._dynamo\.disable|marked as skipped|skipped function"),
        BreakReason.DISABLED_FUNCTION,
    ),
    (re.compile(r"recompile limit|recompile_limit", re.IGNORECASE), BreakReason.RECOMPILE_LIMIT),
    (re.compile(r"call|builtin|method|print|logging", re.IGNORECASE), BreakReason.UNSUPPORTED_CALL),
)
_OPERATOR = re.compile(r"unsupported operator: (\w+)\.(\w+)")
_MAX_DETAIL = 160


def translate(reason: str) -> BreakReason:
    """Which kind of graph break Dynamo's text describes."""
    return next((kind for pattern, kind in _REASONS if pattern.search(reason)), BreakReason.OTHER)


def capture(
    events: Iterable[BreakEvent], callers: Sequence[traceback.FrameSummary], decorated: Location | None = None
) -> tuple[GraphBreak, ...]:
    """Graph breaks as values; Dynamo reports one break several times while it retries, here it is one.

    Args:
        events: What Dynamo reports of a frame.
        callers: Where that frame was called, within the region.
        decorated: The function that the region's decorators stand around, if it has some.
    """
    found: dict[tuple[BreakReason, Location | None], GraphBreak] = {}
    for event in events:
        reason, location = translate(event.reason), locations.innermost(event.stack) if event.stack else None
        from_model = _from_model([*callers, *event.stack], location, decorated)
        found.setdefault((reason, location), GraphBreak(reason, _detail(event.reason), location, from_model))
    return tuple(found.values())


def _from_model(
    stack: Sequence[traceback.FrameSummary], location: Location | None, decorated: Location | None
) -> Location | None:
    """The line of the model from which decorators lead to another line; failing that, what they are put around."""
    where = locations.where_model_calls(stack) or decorated
    return None if where == location else where


def skipped(
    frame: SkippedFrame,
    events: Sequence[BreakEvent],
    callers: Sequence[traceback.FrameSummary],
    decorated: Location | None = None,
) -> tuple[GraphBreak, ...]:
    """A frame that Dynamo gave up on: the breaks that led to it, or the frame itself."""
    kind = BreakReason.RECOMPILE_LIMIT if frame.at_limit else BreakReason.SKIPPED_FRAME
    location = locations.of_definition(frame.code)
    from_model = _from_model([*callers, locations.frame_of(frame.code)], location, decorated)
    frame_itself = GraphBreak(kind, _detail(frame.error or "") or _detail(frame.reason), location, from_model)
    return capture(events, callers, decorated) or (frame_itself,)


def _detail(reason: str) -> str:
    # Before it is split into lines, and cut.
    reason = redacted(reason)
    operator = _OPERATOR.search(reason)
    if operator is not None:
        return f"{operator[1]}::{operator[2]}"
    lines = [line.strip() for line in reason.strip().splitlines() if line.strip()]
    explanation = next((line.removeprefix("Explanation: ") for line in lines if line.startswith("Explanation: ")), None)
    text = explanation or (lines[0] if lines else "")
    return text if len(text) <= _MAX_DETAIL else text[: _MAX_DETAIL - 1] + "…"
