"""The built-in rules, one file per rule; a new rule is one more line here."""

from __future__ import annotations

from steadygraph.rule import Rule
from steadygraph_rules.buffers.buffer_realloc import BufferRealloc
from steadygraph_rules.buffers.replay_differs import ReplayDiffers
from steadygraph_rules.device.device_mismatch import DeviceMismatchRule
from steadygraph_rules.graph.graph_break import GraphBreakRule
from steadygraph_rules.graph.host_sync import HostSync
from steadygraph_rules.graph.nothing_compiled import NothingCompiled
from steadygraph_rules.graph.repeated_compilation import RepeatedCompilation
from steadygraph_rules.graph.shared_code import SharedCodeRule
from steadygraph_rules.outcome.compiler_fault import CompilerFaultRule
from steadygraph_rules.outcome.non_finite import NonFiniteResult
from steadygraph_rules.outcome.padded_vs_valid import PaddedVsValid
from steadygraph_rules.outcome.serving_error import ServingError
from steadygraph_rules.outcome.stale_state import StaleState
from steadygraph_rules.outcome.unexplained_result import UnexplainedResult
from steadygraph_rules.outcome.wrong_in_eager import WrongInEagerMode
from steadygraph_rules.outcome.wrong_since_earlier import WrongSinceEarlier
from steadygraph_rules.specialization.baked_float import BakedFloat
from steadygraph_rules.specialization.baked_int import BakedInt
from steadygraph_rules.specialization.baked_shape import BakedShape
from steadygraph_rules.specialization.broken_mark import BrokenMarkRule
from steadygraph_rules.specialization.device_change import DeviceChange
from steadygraph_rules.specialization.dtype_change import DtypeChange
from steadygraph_rules.specialization.duck_shape import DuckShape
from steadygraph_rules.specialization.requires_grad_change import RequiresGradChange
from steadygraph_rules.specialization.stride_change import StrideChange
from steadygraph_rules.specialization.tensor_type_change import TensorTypeChange
from steadygraph_rules.specialization.zero_one_size import ZeroOneSize
from steadygraph_rules.state.compiled_branch import CompiledBranch
from steadygraph_rules.state.global_state import GlobalState
from steadygraph_rules.state.missing_guard import MissingGuard
from steadygraph_rules.state.module_attribute import ModuleAttribute
from steadygraph_rules.state.object_identity import ObjectIdentity
from steadygraph_rules.structure.baked_value import BakedValue
from steadygraph_rules.structure.container_change import ContainerChange
from steadygraph_rules.structure.none_at_profile import NoneAtProfile
from steadygraph_rules.structure.unclassified_guard import UnclassifiedGuard

RULES: tuple[Rule, ...] = (
    NoneAtProfile(),
    ContainerChange(),
    BakedValue(),
    UnclassifiedGuard(),
    BakedInt(),
    BakedFloat(),
    BakedShape(),
    ZeroOneSize(),
    DuckShape(),
    DtypeChange(),
    StrideChange(),
    RequiresGradChange(),
    TensorTypeChange(),
    DeviceChange(),
    BrokenMarkRule(),
    ModuleAttribute(),
    ObjectIdentity(),
    GlobalState(),
    MissingGuard(),
    CompiledBranch(),
    GraphBreakRule(),
    HostSync(),
    NothingCompiled(),
    SharedCodeRule(),
    RepeatedCompilation(),
    BufferRealloc(),
    ReplayDiffers(),
    ServingError(),
    PaddedVsValid(),
    StaleState(),
    WrongSinceEarlier(),
    NonFiniteResult(),
    WrongInEagerMode(),
    DeviceMismatchRule(),
    CompilerFaultRule(),
    UnexplainedResult(),
)
