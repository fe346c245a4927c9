"""Which outcomes the guards of a call can have led to: a consequence belongs to the policy under which it was seen."""

from __future__ import annotations

from collections.abc import Iterable

from steadygraph.model import Evidence, Outcome, Policy


def of_guards(evidence: Evidence) -> tuple[Outcome, ...]:
    """The outcomes but those that have another reason.

    A captured graph whose tensors have moved, or that could not be captured, is bad whatever the guards say; what eager
    mode does as well, or an earlier call has brought about, is not theirs either, nor is what code does because it is
    being compiled, or what torch.compile gets wrong by itself.
    """
    own: Iterable[Outcome] = of_the_compiler(evidence)
    if evidence.fault is not None:
        own = (outcome for outcome in own if outcome.policy is not Policy.RECOMPILE)
    if evidence.moved or fails_to_capture(evidence):
        return tuple(outcome for outcome in own if outcome.policy is not Policy.CUDA_GRAPH)
    return tuple(own)


def of_the_compiler(evidence: Evidence) -> tuple[Outcome, ...]:
    """The outcomes that the guards, or the compiler, can have led to."""
    return tuple(outcome for outcome in evidence.outcomes if is_own(outcome) and not outcome.compiled_branch)


def is_own(outcome: Outcome) -> bool:
    """Is it about this call alone, and about its policy?"""
    return outcome.since is None and not outcome.as_eager


def fails_to_capture(evidence: Evidence) -> bool:
    """Does something in the profile call make the host wait where it must not?"""
    return any(sync.fails_capture for sync in evidence.profile_syncs)
