"""``python -m steadygraph``."""

from __future__ import annotations

import sys

from steadygraph.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
