"""Are the labels of models.toml what plain ``torch.compile`` does?  Asks all models, or those that are named.

    python tests/precision/relabel.py [NAME ...]

Prints each label that is another one with the installed torch; the exit code is 1 then.
"""

from __future__ import annotations

import sys

from test_models import compiled_again, entries


def main(names: list[str]) -> int:
    asked = [entry for entry in entries() if not names or entry.name in names]
    found = {entry.name: sorted(compiled_again(entry)) for entry in asked}
    wrong = {entry.name: found[entry.name] for entry in asked if found[entry.name] != sorted(entry.recompiles)}
    for name, again in wrong.items():
        print(f"{name}: recompiles = {again}")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
