"""The models that transformers lists, each made small from its own configuration class.

1. ``listing`` names the classes; ``case.py`` is the case file of all of them.
2. ``small`` makes a configuration: each number of the default one, by what its field is called.
3. ``built`` tries configurations until there is a model that is small and runs.
4. ``calls`` are the calls that its users make: other sizes, masks, caches, flags.
"""
