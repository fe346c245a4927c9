"""What a trace of Dynamo's has in hand at one moment, besides the values that it computes with."""

from __future__ import annotations

from typing import Any

from torch._dynamo.source import is_from_source
from torch._dynamo.variables.base import AttributeMutationExisting, ValueMutationExisting
from torch._dynamo.variables.misc import CellVariable, NewGlobalVariable, PythonModuleVariable

from steadygraph.torch_private.process import dispatch_settings

_MEMBERS = {
    "torch._dynamo.output_graph.OutputGraph": "guards shape_env side_effects",
    "torch._dynamo.side_effects.SideEffects": "id_to_variable save_for_backward store_attr_mutations tensor_hooks",
    "torch._dynamo.symbolic_convert.InstructionTranslatorBase": "block_stack symbolic_torch_function_state",
    "torch._dynamo.variables.base.ValueMutationExisting": "is_modified",
    "torch._dynamo.variables.base.VariableTracker": "mutation_type",
    "torch.fx.experimental.symbolic_shapes.ShapeEnv": "var_to_range",
}


class Known:
    """What there is in a trace at one moment: guards (by identity) and symbols."""

    def __init__(self, tx: Any) -> None:
        self._kept = list(tx.output.guards)
        self.guards = set(map(id, self._kept))
        self.symbols = set(tx.output.shape_env.var_to_range)


def surroundings(tx: Any) -> tuple[Any, ...]:
    """What else decides how a call is traced: settings of the process, blocks that are open, modes."""
    blocks = []
    frame = tx
    while frame is not None:
        blocks += [id(block.with_context) for block in frame.block_stack if block.with_context is not None]
        frame = getattr(frame, "parent", None)
    modes = len(tx.symbolic_torch_function_state.mode_stack)
    return dispatch_settings(), tuple(blocks), modes


class Changes:
    """What the trace has changed of objects that existed before it.

    A guard is checked on the object as it is; what the trace itself has made of it, no guard tells.
    """

    def __init__(self, tx: Any) -> None:
        effects = tx.output.side_effects
        existing = [
            held
            for held, attributes in effects.store_attr_mutations.items()
            if attributes and isinstance(held.mutation_type, AttributeMutationExisting)
        ]
        existing += [
            held
            for held in effects.id_to_variable.values()
            if isinstance(held.mutation_type, ValueMutationExisting) and held.mutation_type.is_modified
        ]
        changed = set(map(id, existing))
        #: Hooks on tensors, and global names that are bound anew, can be read without leaving a trace.
        self.anywhere = bool(effects.tensor_hooks or effects.save_for_backward) or any(
            isinstance(held, NewGlobalVariable | PythonModuleVariable) for held in existing
        )
        self._objects = {key for key, held in effects.id_to_variable.items() if id(held) in changed}
        # The cells of closures are no objects that a trace comes upon; what is in them is.
        self._cells = [held.source for held in existing if isinstance(held, CellVariable) and held.source]

    def reach(self, source: Any, value: object) -> bool:
        """Does it concern what a trace has come upon at ``source``?"""
        return id(value) in self._objects or any(is_from_source(source, cell) for cell in self._cells)
