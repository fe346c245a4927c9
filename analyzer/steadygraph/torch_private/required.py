"""What the installed torch must have: looked for before anything is traced."""

from __future__ import annotations

import importlib
from collections.abc import Sequence

import torch

from steadygraph.errors import TorchSupportError

#: What is needed, as "module:attribute.attribute" (torch 2.13).
_NEEDED = (
    "torch._dynamo.convert_frame:convert_frame",
    "torch._dynamo.convert_frame:convert_frame_assert",
    "torch._dynamo.eval_frame:get_compiler_fn",
    "torch._dynamo.eval_frame:_optimize_catch_errors",
    "torch._dynamo.guards:GuardManagerWrapper",
    "torch._dynamo.hooks:Hooks",
    "torch._dynamo.output_graph:graph_break_reasons",
    "torch._dynamo.types:ConvertFrameReturn",
    "torch._dynamo.types:GuardedCode",
    "torch._dynamo.types:wrap_guarded_code",
    "torch._dynamo.pgo:_CODE_STATE",
    "torch._dynamo.resume_execution:ContinueExecutionCache.cache",
    "torch.fx._lazy_graph_module:_LazyGraphModule.force_recompile",
    "torch._C._dynamo.eval_frame:set_eval_frame_isolate_recompiles_id",
    "torch._C._dynamo.guards:RootGuardManager.get_epilogue_lambda_guards",
    "torch._C._dynamo.guards:DictGuardManager.get_key_value_managers",
)


def require(needed: Sequence[str] = _NEEDED) -> None:
    """Raise TorchSupportError that names what the installed torch lacks; return if nothing is."""
    missing = [name for name in needed if not has(name)]
    if missing:
        raise TorchSupportError(
            f"torch {torch.__version__} has no {', '.join(name.replace(':', '.') for name in missing)}",
            hint="install a torch release that steadygraph was tried with: torch>=2.13,<2.14",
        )


def has(name: str) -> bool:
    module, _, path = name.partition(":")
    try:
        found: object = importlib.import_module(module)
        for part in path.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError):
        return False
    return True
