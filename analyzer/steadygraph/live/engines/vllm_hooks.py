"""The places of vLLM that the plugin stands at, each by name: read in 0.30 to 0.33, run with 0.32.

Nothing else of vLLM is touched.  A release that has moved one of them is watched no more, and a line names it.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from steadygraph.errors import TorchSupportError


class MovedError(TorchSupportError):
    """The engine has no longer what the plugin stands at."""


@dataclass(frozen=True, slots=True)
class Hook:
    """A place in vLLM.

    Args:
        module: Where it is.
        name: A function, a class, a method or an attribute of a class: ``Class.method``.
        purpose: What the plugin does there.
    """

    module: str
    name: str
    purpose: str

    def __str__(self) -> str:
        return f"{self.module}:{self.name}"

    @property
    def owner(self) -> Any:
        """The module or class that holds it.

        Raises:
            MovedError: There is none, or it does not hold it.
        """
        held: Any = importlib.import_module(self.module)
        *outer, last = self.name.split(".")
        for name in outer:
            held = getattr(held, name, None)
        if not hasattr(held, last):
            raise MovedError(f"vLLM has no {self} any more", hint=f"its plugin needs it: {self.purpose}")
        return held

    @property
    def last(self) -> str:
        """Its name in the owner."""
        return self.name.rpartition(".")[2]

    @property
    def value(self) -> Any:
        return getattr(self.owner, self.last)


_WRAPPER = "vllm.compilation.wrapper"
_CONTEXT = "vllm.forward_context"
RUNNERS = ("vllm.v1.worker.gpu_model_runner", "vllm.v1.worker.gpu.model_runner")

WRAPPER = Hook(_WRAPPER, "TorchCompileWithNoGuardsWrapper", "classes that have it as a base are compiled")
MADE = Hook(_WRAPPER, "TorchCompileWithNoGuardsWrapper.__init__", "a model is about to be compiled")
HAS_CONTEXT = Hook(_CONTEXT, "is_forward_context_available", "to ask the context of a step")
CONTEXT = Hook(_CONTEXT, "get_forward_context", "to ask the context of a step")
SKIPS = Hook(_CONTEXT, "ForwardContext.skip_compiled", "a step that runs the model uncompiled")
DUMMIES = tuple(Hook(module, "GPUModelRunner._dummy_run", "warm-up and idle steps") for module in RUNNERS)
STEPS = tuple(Hook(module, "GPUModelRunner.execute_model", "steps that answer requests") for module in RUNNERS)
HOOKS = (WRAPPER, MADE, HAS_CONTEXT, CONTEXT, SKIPS, *DUMMIES, *STEPS)

#: What a compiled model has of its own, and where vLLM gives it to it: (attribute, purpose).
OF_MODELS = (
    ("do_not_compile", "a model that is not compiled"),
    ("_dynamic_arg_dims", "the dimensions that are compiled as symbols"),
    ("vllm_config", "the rank of the process"),
)
#: What is read of its configuration: (module, class, attributes).
OF_CONFIGURATION = (
    ("vllm.config.parallel", "ParallelConfig", ("rank", "world_size", "data_parallel_index")),
    ("vllm.config.compilation", "CompilationConfig", ("backend",)),
)
#: Where models are decorated, and how the function is called that gives them the attributes above and a ``__call__``.
DECORATOR = ("vllm.compilation.decorators", "_support_torch_compile")
PLUGINS = ("vllm.plugins", "vllm.general_plugins")


def loaded(hooks: tuple[Hook, ...]) -> Iterator[Hook]:
    """Those in modules that the process has imported: of two runners it uses one."""
    return (hook for hook in hooks if hook.module in sys.modules)
