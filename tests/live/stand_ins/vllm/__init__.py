"""A stand-in for vLLM: what steadygraph's plugin stands at, with the names and the behaviour that vLLM 0.32 gives them.

Written for the tests; nothing of it is vLLM's.
"""

__version__ = "0.32.0"
