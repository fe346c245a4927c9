"""Serving engines that compile models themselves and drop the guards: watched from inside, by a plugin of theirs.

The way of one call, from the engine to a report:

1. The engine loads our plugin in each of its processes (``steadygraph.vllm_plugin``).  It does nothing unless an
   environment variable names a directory (``settings.py``); else it stands in front of a few functions of the engine,
   which one module names (``vllm_hooks.py``), and nowhere else.
2. ``EngineCalls`` (``calls.py``) hears of each call of one compiled model, whichever way the engine runs it: by Dynamo,
   by its bytecode, by what it loaded from a cache.
3. ``EngineObserver`` (``observer.py``) has Dynamo trace the first call once more, beside the engine and without running
   anything: these are the guards that were dropped.  Later calls go the way of ``steadygraph.live``.
4. Guards that fail are ranked: the call is rebuilt with the sizes of the profile call (``rebuilt.py``), and what is
   violated then has to do with its structure.
5. ``EngineWatching`` (``watching.py``) writes a report of the process; ``ranks.py`` makes one of those of all ranks.
"""
