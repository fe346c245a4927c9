"""Fixed implementations of what broke in serving, on torch alone: nothing of the analyzer is imported.

Take the module that you need: ``from steadygraph.reference import deepstack``.
"""
