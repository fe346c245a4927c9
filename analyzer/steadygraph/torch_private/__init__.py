"""The only package that reads private torch API: objects of Dynamo, FX and C++, each piece behind a probe.

Everything here was read off torch 2.13 to 2.15, which one code serves: what moved between them is asked for, and no
version is compared.  ``require`` looks for what is needed before anything is traced, so that another release fails with
the name of what it lacks instead of in the middle of an analysis.

Thin functions, and values of our own; live objects are handed out only to be handed back.
"""

# ruff: noqa: F401 - what is imported here is what it offers

from __future__ import annotations

from steadygraph.torch_private.aot import aot_eager, may_differ_below
from steadygraph.torch_private.compile_questions import compile_questions_answered, compile_questions_heard
from steadygraph.torch_private.device.driver import (
    accelerator_driver_attributes,
    backward_engine,
    become,
    cuda_driver_attributes,
    cuda_stand_ins,
    dynamo_device_attributes,
    fake_tensors,
    forget_device_answers,
    is_device_mismatch,
    is_value_missing,
    lacking_operator,
    load_dynamo_tables,
    marked_sizes,
    parsing_moves,
)
from steadygraph.torch_private.effects import has_effect
from steadygraph.torch_private.entry_points import (
    EntryCall,
    EntryPoint,
    FrontOfConverter,
    GraphBackend,
    RunningEntry,
    at_first_entry,
    entered,
    entry_points_called,
    running_entry,
    unfiltered_guards,
    with_graphs_seen,
)
from steadygraph.torch_private.frames import (
    FrameCallback,
    as_if_dynamic,
    backend_name,
    cache_entries,
    code_before_breaks,
    compiling,
    dynamic_sizes,
    force_recompile,
    forget,
    frame_converter,
    guarded_code,
    hooks,
    hooks_beside,
    is_at_limit,
    is_compiled,
    is_excluded_alone,
    never_traced,
    on_recompilation,
    original_function,
    recorded_breaks,
    run_code,
    run_uncompiled,
    skip_reason,
    skips_guards,
    stack_of_trace,
    traced_stack,
    tracing_alone,
    uncalled_frame,
    uncompiled,
    unsupported,
    with_own_code,
)
from steadygraph.torch_private.graphs import TracedGraph, TracedNode, copied, dtypes, input_sources, traced_graph
from steadygraph.torch_private.guard_entries import (
    condition,
    frame_id,
    guard_class,
    guard_id,
    lone_guards,
)
from steadygraph.torch_private.guard_workshop import Filter, GuardWorkshop, filters, guards_built
from steadygraph.torch_private.guards import locals_heard, when_asked
from steadygraph.torch_private.inductor import inductor
from steadygraph.torch_private.marks import guard_errors_raised_only, violated_marks, violations_ignored
from steadygraph.torch_private.pieces import Piece, Pieces, as_program
from steadygraph.torch_private.process import (
    code_unseen,
    compiler_settings,
    compiles_forced_eager,
    default_device,
    dispatch_modes,
    dispatch_settings,
    forward_hooks,
    function_modes,
    global_default_device,
    global_module_hooks,
    import_compiler,
    own_dynamo_state,
    unseen_by_modules,
)
from steadygraph.torch_private.replacement import replaced
from steadygraph.torch_private.required import lacking, require, untried
from steadygraph.torch_private.sizes import as_dynamic, sizes_apart, symbolic_sizes
from steadygraph.torch_private.tensors import (
    argument_names,
    asserts_size,
    bare_name,
    dotted_name,
    explicit_waits,
    expression,
    fake_tensor_type,
    has_no_kernel,
    is_fake,
    is_in_place,
    is_module,
    is_tensor,
    operator_name,
    storage_id,
    watching_ops,
    without_modes,
    without_torch_function,
    written,
)
