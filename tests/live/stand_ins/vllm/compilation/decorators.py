"""Classes of models that are compiled."""

import inspect
from collections.abc import Callable
from typing import Any

import torch

from vllm.compilation.wrapper import TorchCompileWithNoGuardsWrapper
from vllm.forward_context import get_forward_context, is_forward_context_available
from vllm.sequence import IntermediateTensors


def support_torch_compile(*, dynamic_arg_dims: dict[str, Any]) -> Callable[[type], type]:
    return lambda cls: _support_torch_compile(cls, dynamic_arg_dims)


def _support_torch_compile(cls: Any, dynamic_arg_dims: dict[str, Any]) -> Any:
    cls.__bases__ = (*cls.__bases__, TorchCompileWithNoGuardsWrapper)
    old_init = cls.__init__

    def init(self: Any, *args: Any, vllm_config: Any, **kwargs: Any) -> None:
        old_init(self, *args, vllm_config=vllm_config, **kwargs)
        self.vllm_config = vllm_config
        self.compilation_config = vllm_config.compilation_config
        self.do_not_compile = self.compilation_config.mode == 0
        if self.do_not_compile:
            return
        self._dynamic_arg_dims = dynamic_arg_dims
        self.compiled = False
        self.aot_compiled_fn = None
        TorchCompileWithNoGuardsWrapper.__init__(self)

    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        if self.do_not_compile or torch.compiler.is_compiling():
            return self.forward(*args, **kwargs)
        if is_forward_context_available() and get_forward_context().skip_compiled:
            return self.forward(*args, **kwargs)
        if self.aot_compiled_fn is not None:
            return self.aot_compiled_fn(self, *args, **kwargs)
        if self.compilation_config.is_cached:
            # What was stored was compiled for a call without images: Dynamo is not asked.
            self.aot_compiled_fn = type(self).as_stored
            return self.aot_compiled_fn(self, *args, **kwargs)
        if not self.compiled:
            _mark(self, args, kwargs)
        self.compiled = True
        return TorchCompileWithNoGuardsWrapper.__call__(self, *args, **kwargs)

    def _mark(model: Any, args: Any, kwargs: Any) -> None:
        bound = inspect.signature(type(model).forward).bind(model, *args, **kwargs)
        for name, dims in dynamic_arg_dims.items():
            value = bound.arguments.get(name)
            given = value.tensors.values() if isinstance(value, IntermediateTensors) else [value]
            for tensor in given:
                if tensor is not None:
                    wanted = [dims] if isinstance(dims, int) else list(dims)
                    torch._dynamo.mark_dynamic(tensor, [dim % tensor.dim() for dim in wanted])

    cls.__init__ = init
    cls.__call__ = call
    return cls
