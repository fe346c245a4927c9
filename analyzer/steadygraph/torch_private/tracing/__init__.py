"""Dynamo's trace while it is made: calls that are inlined, layers that are traced once and called again.

Importing it imports Dynamo, and all that this takes; ask what is ``lacking("tracing")`` first.
"""

from __future__ import annotations

from steadygraph.torch_private.tracing.call import InlinedCall, inlined_calls
from steadygraph.torch_private.tracing.layer import TracedLayer
from steadygraph.torch_private.tracing.subgraphs import tidy

__all__ = ["InlinedCall", "TracedLayer", "inlined_calls", "tidy"]
