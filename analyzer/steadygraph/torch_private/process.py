"""Settings and memory of torch that the whole process shares."""

from __future__ import annotations

import collections
import contextlib
import contextvars
import copy
import functools
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch

from steadygraph.torch_private.replacement import replaced


def global_module_hooks() -> list[dict[int, Any]]:
    """The dicts that hold hooks on all modules of the process (``register_module_forward_hook``)."""
    from torch.nn.modules import module

    return [held for name, held in vars(module).items() if name.startswith("_global_") and isinstance(held, dict)]


def forward_hooks(module: torch.nn.Module | None) -> Iterator[tuple[str, list[Any]]]:
    """(kind, functions) of the hooks around the forward of one module, or of all modules of the process."""
    from torch.nn.modules import module as of_all

    if module is None:
        found = {"forward_pre_hooks": of_all._global_forward_pre_hooks, "forward_hooks": of_all._global_forward_hooks}
    else:
        found = {"forward_pre_hooks": module._forward_pre_hooks, "forward_hooks": module._forward_hooks}
    yield from ((kind, list(hooks.values())) for kind, hooks in found.items() if hooks)


def import_compiler() -> None:
    """Import what the first compilation of a process imports anyway; it takes most of a second."""
    import torch._dynamo
    import torch._functorch.aot_autograd  # noqa: F401


_SETTINGS = {"invalidate_compile_context_weakrefs": True, "issue_3_13_0_warning": False}


@contextlib.contextmanager
def own_dynamo_state() -> Iterator[None]:
    """Dynamo's process-wide memory, empty inside of the block and as before after it.

    Beside what Dynamo remembers of code these are its counters, settings and stance.  And Dynamo lets go of the tensors
    that it has seen, as it does for back ends that it knows: ``torch.utils.swap_tensors`` takes none that somebody
    refers to.  That guards are slower with Python 3.13.0 than with 3.13.1 it says in no analysis.

    How long guards take is not measured: for a line in a log Dynamo first empties the caches of the processor, 20 ms
    for each frame and a third of what it takes to compile a small one (torch 2.13).
    """
    from torch._dynamo import config, guards

    settings = {name: value for name, value in _SETTINGS.items() if hasattr(config, name)}  # they come and go
    with (
        counters_kept(),
        code_unseen(),
        torch.compiler.set_stance("default"),
        config.patch(settings),
        replaced(guards, {"profile_guard_manager": _not_measured}),
    ):
        yield


def _not_measured(*_guards_and_locals: object) -> float:
    return 0.0


@contextlib.contextmanager
def counters_kept() -> Iterator[None]:
    """A block of which Dynamo's counters know nothing afterwards."""
    from torch._dynamo import utils

    counters = copy.deepcopy(dict(utils.counters))
    try:
        yield
    finally:
        utils.counters.clear()
        utils.counters.update(counters)


@contextlib.contextmanager
def code_unseen() -> Iterator[None]:
    """A block in which Dynamo remembers nothing of the code that it has compiled; as before after it.

    What it remembers of sizes that varied is kept by file and line: an earlier run of the same code, the user's or
    ours, would change what the profile call compiles.  Resume functions are cached by code object and carry cache
    entries of their own.
    """
    from torch._dynamo import pgo, resume_execution
    from torch._dynamo.utils import ExactWeakKeyDictionary

    cache = resume_execution.ContinueExecutionCache
    code_state, resume_functions = pgo._CODE_STATE, cache.cache
    pgo._CODE_STATE, cache.cache = collections.defaultdict(pgo.CodeState), ExactWeakKeyDictionary()
    try:
        yield
    finally:
        pgo._CODE_STATE, cache.cache = code_state, resume_functions


@contextlib.contextmanager
def compiles_forced_eager() -> Iterator[None]:
    """A block in which everything under ``torch.compile`` runs as plain Python: what a model means in eager mode.

    What a higher-order operator (flex_attention, cond) compiles when it is called in eager mode is left alone: so it
    finds the tensors that its functions close over.  Without it cond raises where one of them needs a gradient.
    """
    from torch._dynamo import eval_frame
    from torch._higher_order_ops.utils import _in_hop_compile

    stances = eval_frame._callback_from_stance

    def callback(asked: Any) -> Any:
        return asked if _in_hop_compile() else stances(asked)

    with torch.compiler.set_stance("force_eager"), replaced(eval_frame, {"_callback_from_stance": callback}):
        yield


@contextlib.contextmanager
def unseen_by_modules(is_ours: Callable[[object], bool]) -> Iterator[None]:
    """A block in which a torch-function mode of ours is not there for modules that ask before they choose a kernel.

    ``nn.TransformerEncoder`` and ``nn.MultiheadAttention`` leave their fast path, which gives other values for padding,
    where ``torch.overrides.has_torch_function`` says that somebody is listening.
    """
    from torch import overrides

    ask = overrides.has_torch_function

    def has_torch_function(relevant_args: Any) -> bool:
        modes = _function_mode_stack()
        innermost = bool(modes) and is_ours(modes[-1])
        with overrides._pop_mode_temporarily() if innermost else contextlib.nullcontext():
            return ask(relevant_args)

    with replaced(overrides, {"has_torch_function": has_torch_function}):
        yield


def function_modes() -> list[str]:
    """Type names of the active torch-function modes, outermost first, without the one of the default device."""
    from torch.utils._device import DeviceContext

    return [type(mode).__name__ for mode in _function_mode_stack() if not isinstance(mode, DeviceContext)]


def dispatch_modes() -> list[str]:
    """Type names of the active torch-dispatch modes, outermost first."""
    from torch.utils._python_dispatch import _get_current_dispatch_mode_stack

    return [type(mode).__name__ for mode in _get_current_dispatch_mode_stack()]


def default_device() -> torch.device | None:
    """The device of ``torch.set_default_device`` or of the innermost ``with torch.device(...)``; None if neither is on.

    ``torch.get_default_device`` cannot tell "cpu" from never set, which Dynamo can.
    """
    from torch.utils._device import DeviceContext

    modes = [mode for mode in _function_mode_stack() if isinstance(mode, DeviceContext)]
    return modes[-1].device if modes else None


def _function_mode_stack() -> list[Any]:
    from torch import overrides

    stack: list[Any] = overrides._get_current_function_mode_stack()  # type: ignore[no-untyped-call]
    return stack


def global_default_device() -> torch.device | None:
    """What ``torch.set_default_device`` was last called with; None if never."""
    context = getattr(torch._GLOBAL_DEVICE_CONTEXT, "device_context", None)
    return None if context is None else context.device


_MEMBERS = {"torch.utils._config_module.ConfigModule": "get_config_copy"}
#: Configurations of the compiler, beside Dynamo's, that are kept if they are loaded.
_OTHERS = ("torch._functorch.config", "torch._inductor.config", "torch.fx.experimental._config")


def compiler_settings() -> Callable[[], None]:
    """A function that brings back today's compiler configuration and stance."""
    from torch._dynamo import config as dynamo_config
    from torch._dynamo import eval_frame

    stance = eval_frame._stance
    configs = (dynamo_config, *filter(None, map(sys.modules.get, _OTHERS)))
    held = [(config, copy.deepcopy(_containers(config))) for config in configs]
    before = contextvars.copy_context()

    def restore() -> None:
        if eval_frame._stance is not stance:
            eval_frame._set_stance(stance)
        if _differs(before, contextvars.copy_context()):
            for config in configs:
                _set_back(config, before.run(_settings, config), _settings(config))
        for config, containers in held:
            _set_back(config, containers, _containers(config))

    return restore


def _differs(before: contextvars.Context, now: contextvars.Context) -> bool:
    """Was a variable set?  What somebody puts into a configuration is one; a copy of all of them takes 0.3 ms."""
    return len(before) != len(now) or any(before.get(variable, now) is not value for variable, value in now.items())


def _set_back(config: Any, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    for name in before.keys() & now.keys():
        if now[name] != before[name]:
            setattr(config, name, before[name])


def _containers(config: Any) -> dict[str, Any]:
    """The settings that can be changed in place, which sets no variable."""
    return {name: getattr(config, name) for name in _names_of_containers(config)}


@functools.cache
def _names_of_containers(config: Any) -> tuple[str, ...]:
    return tuple(name for name, value in _settings(config).items() if isinstance(value, list | set | dict))


def _settings(config: Any) -> dict[str, Any]:
    settings: dict[str, Any] = config.get_config_copy()
    return settings


def dispatch_settings() -> tuple[Any, ...]:
    """Process-wide settings that decide what an operator gives: grad mode, autocast, default dtype."""
    devices = ("cpu", "cuda")
    autocast = [(torch.is_autocast_enabled(d), torch.get_autocast_dtype(d)) for d in devices]
    return (
        torch.is_grad_enabled(),
        torch.is_inference_mode_enabled(),
        torch.get_default_dtype(),
        torch.are_deterministic_algorithms_enabled(),
        *autocast,
    )
