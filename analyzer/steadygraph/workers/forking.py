"""The server: a process that has torch imported already, and that workers are forked from.

It gets descriptors and nothing else from its parent, and hands them to a new keeper.  It runs none of a target's code,
but for modules that a suite of targets wants imported once.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import signal
import socket
from collections.abc import Sequence
from multiprocessing import resource_tracker
from multiprocessing.connection import wait
from typing import NoReturn

from steadygraph.workers import processes
from steadygraph.workers.keeper import Descriptors, keep

#: How often it looks for what ended keepers have left behind.
_LOOK_S = 0.5


def serve(descriptor: int, parent: int, modules: Sequence[str] = ()) -> NoReturn:
    """Fork a keeper for each message with descriptors, until the parent is gone.

    Args:
        descriptor: A socket to the parent.
        parent: Its number.
        modules: What it imports beside what every worker needs.
    """
    processes.end_with_parent(parent)  # also while torch is imported, and nobody listens
    environment = dict(os.environ)
    # A session of its own has no terminal, but other programs may send this too.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(Exception):  # each worker meets it again, and says what it is
        from steadygraph.workers import preload

        for name in modules:
            importlib.import_module(name)
        if modules:
            preload.keep()
    from steadygraph.workers.worker import work

    processes.adopt_orphans()
    # What a target creates for its own processes (semaphores of inductor and of progress bars) is taken away by a
    # process of Python's, which must not end with the target.
    resource_tracker.ensure_running()
    tracker = set(processes.children(os.getpid()))
    keepers: set[int] = set()
    control = socket.socket(fileno=descriptor)
    while True:
        ready = wait([control], timeout=_LOOK_S if keepers else None)
        if keepers:
            keepers -= processes.reaped().keys()
            for orphan in set(processes.children(os.getpid())) - keepers - tracker:
                processes.end(orphan)
        if not ready:
            continue
        message, descriptors, _, _ = socket.recv_fds(control, 1, len(Descriptors._fields))
        if not message:
            os._exit(0)
        pid = os.fork()
        if pid == 0:
            try:
                control.close()
                keep(Descriptors(*descriptors), environment, work)
            finally:
                os._exit(1)
        keepers.add(pid)
        for each in descriptors:
            os.close(each)
