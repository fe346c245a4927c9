"""What a sweep of the models of transformers found: is it about what their users pass?

    steadygraph sweep transformers --out DIR
    python tests/precision/complaints.py DIR

Prints all that no finding may say; the exit code is 1 where there is any.
"""

from __future__ import annotations

import sys
from pathlib import Path

from test_built_by_rule import complaints

from steadygraph.sweep import folder


def main(place: str) -> int:
    sweep = folder.read(Path(place))
    found = [(one.target, said) for one in sweep.entries for said in complaints(sweep.report(one).cases[0])]
    for target, said in found:
        print(f"{target}: {said}")
    print(f"{len(sweep.entries)} targets, {len(found)} complaints")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
