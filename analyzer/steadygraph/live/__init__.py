"""A process that runs, watched: the same recording, rules and reports as of a case, without a case.

The way of one call, from Dynamo to a report:

1. ``DynamoTap`` (``observe/run/tap.py``) meets each entry point once and asks who hears of its calls: a ``Hearing``.
2. ``Recognition`` (``recognition.py``) has what was compiled count the calls that are as one before, as it runs, in
   microseconds.  Any other is opened, and so is each until the profile call is over.
3. ``LiveObserver`` (``observer.py``) is a ``CallWatch``, as the session of a case is one: it describes the call, holds
   it against the entries of the profile call, and hears what Dynamo compiles meanwhile.  Where guards are dropped it
   has Dynamo trace, once for each structure, what the call would have needed (``observe/run/shadow.py``).
4. ``LiveRegion`` (``region.py``) keeps one ``Scenario`` for each distinct structure: an ``Observation``, a count, when.
5. ``recording.py`` makes a ``Recording`` of them, ``engine.judge`` judges it, ``report`` shows it.  Outcomes are
   predictions, or recompilations that were seen: nothing is run beside the process.

Nothing of this may end or change what is watched: what goes wrong is caught where torch calls us, the region is watched
no more, and one line says so.
"""

from __future__ import annotations

#: Distinct structures of a region that are looked at, and at every how many calls all dropped guards are asked.
STRUCTURES, EVERY = 64, 128
#: What a report says where there was nothing to be seen.
NOTHING = "nothing that torch.compile made was called while the process was watched"
