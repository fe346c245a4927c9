"""Changed calls of which a case says that the deployment makes them: ``PROBES = {"mask": ["none", "dtype"]}``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from steadygraph.errors import CaseError
from steadygraph.errors.near_miss import question_or_list
from steadygraph.model import Probe

#: Whatever is changed.
ANYTHING = "*"


def require(table: Mapping[str, Sequence[str]], probes: Sequence[Probe], label: str) -> None:
    """Is there a changed call for each entry?

    Raises:
        CaseError: There is none; the sentence says what there is.
    """
    kinds: dict[str, dict[str, None]] = {}
    for probe in probes:
        for path in _paths(probe):
            kinds.setdefault(path, {})[str(probe.change)] = None
    for path, wanted in table.items():
        if path == ANYTHING:
            continue
        if path not in kinds:
            hint = question_or_list(path, list(kinds), "paths")
            raise CaseError(f"{label} names {path!r}, and nothing of this name is changed", hint=hint)
        for kind in wanted:
            if kind not in kinds[path]:
                hint = f"its kinds are {', '.join(kinds[path])}"
                raise CaseError(
                    f"{label} names {str(kind)!r} for {path!r}, and no such change of it is tried", hint=hint
                )


def is_declared(probe: Probe, table: Mapping[str, Sequence[str]]) -> bool:
    """Does a case say that such calls are made?"""
    wanted = (table.get(path, ()) for path in (*_paths(probe), ANYTHING))
    return any(str(probe.change) in map(str, kinds) for kinds in wanted)


def _paths(probe: Probe) -> Iterator[str]:
    """``x`` of ``x.shape[0], y.shape[0]``, then ``y``."""
    return (path.partition(".shape[")[0] for path in probe.path.split(", "))
