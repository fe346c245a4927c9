"""Many targets in one run: each with a report of its own, and a run that was killed goes on.

1. ``suites`` makes targets of what was written: globs, directories, modules, names of installed suites.
2. ``plan`` says which of them are to be done here, and in which order.
3. ``local`` carries them out on this machine, ``cluster`` on Ray; both give the same values.
4. ``folder`` keeps the report of each, and an ``Entry`` that says what it was made with.
5. ``table`` shows the entries, ``merging`` makes one sweep of several.
"""
