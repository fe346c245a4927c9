"""Is an error about devices, and about which?"""

from __future__ import annotations

from steadygraph.model import DeviceMismatch, Evidence

#: How torch says that operands are on different devices: the first is in the words of nearly all kernels, the second in
#: those of meta kernels, the third belongs to copies.
_SAYS = ("same device", "is not on the expected device", "Cannot copy out of meta tensor")
EQUALITY = frozenset({"==", "!=", "is", "is not"})
_COMPARISONS = EQUALITY | {"in", "not in", "[]", "get", "pop", "setdefault", "call"}


def is_comparison(mismatch: DeviceMismatch) -> bool:
    return mismatch.operation in _COMPARISONS


def blamed_for_error(evidence: Evidence) -> DeviceMismatch | None:
    """The devices because of which eager mode raises; None if it does not, or because of something else.

    A comparison is to blame if it stands in the function that raises, or if the profile call does not come to it.
    """
    error = evidence.eager_error
    if error is None:
        return None
    for mismatch in evidence.mismatches:
        if (
            not is_comparison(mismatch)
            or mismatch not in evidence.profile_mismatches
            or _same_place(evidence, mismatch)
        ):
            return mismatch
    if any(words in error.message for words in _SAYS):
        return DeviceMismatch("", (), error.location)
    return None


def _same_place(evidence: Evidence, mismatch: DeviceMismatch) -> bool:
    raised = evidence.eager_error and evidence.eager_error.location
    where = mismatch.location
    return bool(raised and where and (raised.path, raised.function) == (where.path, where.function))
