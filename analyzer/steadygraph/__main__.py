"""``python -m steadygraph``, and the command ``steadygraph``."""

from __future__ import annotations

import os
import signal
import sys

# Until the command line is there nothing has to be ended in order, and of Ctrl-C Python would make a traceback.
for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    if signal.getsignal(each) in (signal.SIG_DFL, signal.default_int_handler):
        signal.signal(each, lambda number, _frame: os._exit(128 + number))


def main() -> int:
    from steadygraph.cli.main import main

    return main()


if __name__ == "__main__":
    sys.exit(main())
