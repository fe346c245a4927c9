"""What every process of vLLM does first in these tests.

Two operators are declared: PyPI's torchvision is built for CUDA, and beside a torch for the CPU it has none and cannot
be imported.  vLLM's models import it to resize images, for which it needs none.

With ``OLD_GETTER`` set, Qwen3-VL has the getter that it had before https://github.com/vllm-project/vllm/pull/43617: it
gave None where no image was set, as in the profile run.

vLLM 0.32 cannot load on a CPU what it has compiled and saved there: it asks for a ``finalize_loading`` that is not
there.  One is given that does nothing, so that a start from the cache can be watched.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
import types
from collections.abc import Callable, Sequence
from typing import Any

_KEPT: list[Any] = []


def declare_operators(_torchvision: object) -> None:
    import torch

    if torch.version.cuda is None:
        library = torch.library.Library("torchvision", "DEF")
        for name in ("nms", "qnms"):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _KEPT.append(library)


def put_old_getter_back(models: Any) -> None:
    model = models.Qwen3VLForConditionalGeneration
    get = model._get_deepstack_input_embeds

    def getter(self: Any, num_tokens: int) -> Any:
        return get(self, num_tokens) if getattr(self, "deepstack_input_embeds_num_tokens", 0) else None

    model._get_deepstack_input_embeds = getter


def let_functions_be_loaded(_decorators: object) -> None:
    import torch

    load = torch.compiler.load_compiled_function

    def loading(*args: Any, **kwargs: Any) -> Any:
        loaded = load(*args, **kwargs)
        compiled = loaded._artifacts.compiled_fn
        if not hasattr(compiled, "finalize_loading"):
            compiled.finalize_loading = lambda _config: None
        return loaded

    torch.compiler.load_compiled_function = loading


class _AtImport(importlib.abc.MetaPathFinder):
    """Calls a function beside the import of a module: before it, or after."""

    def __init__(self, name: str, call: Callable[[Any], None], *, before: bool) -> None:
        self._name, self._call, self._before = name, call, before

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self._name:
            return None
        sys.meta_path.remove(self)
        if self._before:
            self._call(None)
            return None
        spec = importlib.util.find_spec(fullname)
        if spec is None or spec.loader is None:
            return None
        execute = spec.loader.exec_module

        def executed(module: types.ModuleType) -> None:
            execute(module)
            self._call(module)

        spec.loader.exec_module = executed  # type: ignore[method-assign]
        return spec


sys.meta_path.insert(0, _AtImport("torchvision", declare_operators, before=True))
sys.meta_path.insert(0, _AtImport("vllm.compilation.decorators", let_functions_be_loaded, before=False))
if os.environ.get("OLD_GETTER"):
    model = "vllm.model_executor.models.qwen3_vl"
    sys.meta_path.insert(0, _AtImport(model, put_old_getter_back, before=False))
