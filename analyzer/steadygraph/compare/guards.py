"""Are two sets of guards the same?"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from steadygraph.model import Guard


def digest(guards: Sequence[Guard]) -> str:
    """A digest of what the guards ask for, whatever their order and wherever the code stands; empty for no guards."""
    if not guards:
        return ""
    hasher = hashlib.sha256()
    for line in sorted(repr((guard.source, guard.guard_type, guard.expressions)) for guard in guards):
        hasher.update(line.encode("utf-8", "surrogatepass"))
    return hasher.hexdigest()[:32]
