"""Dynamo's entry points: whatever ``torch.compile`` gave back, whoever made it and when, seen as it is called."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import sys
import threading
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from torch import nn

from steadygraph.torch_private.frames import FrameCallback, backend_of, telling
from steadygraph.torch_private.replacement import replaced

_MEMBERS = {
    "torch._dynamo.eval_frame._TorchDynamoContext": "_dynamic _isolate_recompiles_id callback fullgraph",
    "torch._dynamo.convert_frame.CatchErrorsWrapper": "_torchdynamo_orig_backend hooks",
    "torch._dynamo.convert_frame.ConvertFrame": "_clone_with_backend _inner_convert _recompile_limit",
    "torch._dynamo.convert_frame.ConvertFrameAssert": "_clone_with_backend _package _recompile_limit",
    "torch._dynamo.guards.CheckFunctionManager": "guard_manager",
}
#: Methods of ``nn.Module`` that lead to its ``forward``, and are compiled in its place.
_CALLS_FORWARD = frozenset({"__call__", "_call_impl", "_wrapped_call_impl"})


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class EntryPoint:
    """A function, method or module that was compiled, and what ``torch.compile`` was told.

    Args:
        function: What is compiled: a plain function or a bound method.
        fullgraph: As in ``torch.compile``.
        dynamic: As in ``torch.compile``.
        recompile_limit: As in ``torch.compile``; None: that of the process.
        filters_guards: Was a ``guard_filter_fn`` given?  Then nothing looks at some of the guards.
        backend: The back end; by it Dynamo tells cache entries of one code object apart.
        isolated: Of ``isolate_recompiles``, the number of the cache; -1: the one that all others share.
    """

    function: Callable[..., Any]
    fullgraph: bool
    dynamic: bool | None
    recompile_limit: int | None
    filters_guards: bool
    backend: Any
    isolated: int

    @property
    def module(self) -> nn.Module | None:
        """The module whose call is compiled; None for a function."""
        holder = getattr(self.function, "__self__", None) or getattr(self.function, "__wrapped__", None)
        return holder if isinstance(holder, nn.Module) else None

    @property
    def traced(self) -> Callable[..., Any]:
        """The function whose frame Dynamo traces first: of a module its ``forward``, behind what calls hooks."""
        module = self.module
        calls_forward = getattr(self.function, "__name__", "") in _CALLS_FORWARD
        return module.forward if module is not None and calls_forward else self.function


class EntryCall(Protocol):
    """A call of an entry point that somebody wants to hear the end of."""

    def returned(self, result: Any) -> None:
        """The call has ended."""

    def raised(self, error: BaseException) -> None:
        """The call has ended with an exception."""


class Attention(Protocol):
    """Whether somebody wants to hear of calls before they begin."""

    #: Nobody does: what is compiled, and what runs, tells of them.
    settled: bool


class Listening(Protocol):
    """Whether somebody listens to what happens in calls."""

    listens: bool


class EntryWatch(Protocol):
    """Who hears of the calls of one entry point."""

    @property
    def hearing(self) -> Attention:
        """Whether somebody wants to hear of them."""

    def converter(self, converter: Any) -> Any:
        """What answers Dynamo's questions about frames in the place of ``converter``, and asks it."""

    def called(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> EntryCall | None:
        """Before a call; None: nobody wants to hear how it ends."""


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class _Front:
    """What stands in front of one entry point.

    Args:
        block: In which block it was made.
        callback: In the place of Dynamo's.
        watch: Hears of its calls; None: nobody does.
        attention: Whether it wants to.
    """

    block: object
    callback: Any
    watch: EntryWatch | None
    attention: Attention | None = None


class _Deaf:
    listens = False


class Entered(threading.local):
    """Who wanted to hear of the entry point that this thread called last."""

    attention: Attention | None = None


entered = Entered()


#: Where an entry point's callback keeps what stands in front of it: made once, and gone with it.
_FRONTS = "_steadygraph_fronts"
#: The same, where it is of one function alone.
_ONLY = "_steadygraph_front"
#: So many functions may share a callback; what made more than that makes one for each call.
_MOST = 64


@contextlib.contextmanager
def entry_points_called(
    watch: Callable[[EntryPoint], EntryWatch],
    failed: Callable[[Exception], object] | None = None,
    listening: Listening | None = None,
) -> Iterator[None]:
    """A block in which the calls of entry points are heard of, with their arguments, in whichever thread.

    Left out are functions that are inlined because their caller is traced, those of a :class:`FrameCallback`, what a
    higher-order operator compiles because it is called in eager mode, and everything while compiling is switched off.

    Args:
        watch: Gives who hears of an entry point, once for each.
        failed: Told what goes wrong in the hearing: the call goes on as if nobody heard.  None: it is raised.
        listening: While it listens, calls of what is settled are heard of as well.
    """
    from torch._dynamo import eval_frame
    from torch._dynamo.convert_frame import CatchErrorsWrapper
    from torch._higher_order_ops.utils import _in_hop_compile

    stances, block = eval_frame._callback_from_stance, object()
    busy = listening or _Deaf

    def callback(asked: Any, caller: types.FrameType | None = None) -> Any:
        answered: Any = stances(asked)
        if answered is None or answered is False:
            return answered
        # Here every call comes by: what is settled passes without a look at the frame, which takes microseconds.
        only = answered.__dict__.get(_ONLY)
        quiet = only is not None and only.block is block and only.attention.settled and not busy.listens
        if quiet and not eval_frame._stance.skip_guard_eval_unsafe:
            entered.attention = only.attention
            return only.callback
        # What compiles a function asks for the callback last before it calls it (torch 2.13).
        caller = caller or sys._getframe(1)
        if caller.f_code.co_name != "compile_wrapper" or not isinstance(answered, CatchErrorsWrapper):
            return answered
        try:
            names = caller.f_locals
            fronts = answered.__dict__.get(_FRONTS)
            front = None if fronts is None else fronts.get(id(names["fn"]))
            if front is None or front.block is not block:
                front = made(answered, names)
            watched = front.watch
            if watched is None or _in_hop_compile():
                return answered
            entered.attention = front.attention
            call = watched.called(names["args"], names["kwargs"])
            if call is not None:
                names["cleanups"].append(functools.partial(_ended, call, failed))
            return front.callback
        except Exception as error:
            if failed is None:
                raise
            failed(error)
            return answered

    def made(answered: Any, names: Mapping[str, Any]) -> _Front:
        converter = answered._torchdynamo_orig_backend
        if isinstance(converter, FrameCallback):
            return _Front(block, None, None)
        fronts = answered.__dict__.setdefault(_FRONTS, {})
        if len(fronts) >= _MOST:
            fronts.clear()
        hearing = watch(_entry_point(names["self"], names["fn"], answered))
        callback = CatchErrorsWrapper(hearing.converter(converter), answered.hooks)
        front = fronts[id(names["fn"])] = _Front(block, callback, hearing, hearing.hearing)
        if len(fronts) == 1:
            setattr(answered, _ONLY, front)
        else:
            answered.__dict__.pop(_ONLY, None)
        return front

    with replaced(eval_frame, {"_callback_from_stance": callback}):
        yield


def at_first_entry(start: Callable[[], object]) -> None:
    """Have ``start`` called, once, before the first call of an entry point goes on; it may have that call heard.

    Dynamo may be half imported: nothing but this is looked at before.
    """
    from torch._dynamo import eval_frame as module

    eval_frame: Any = module
    stances, one = eval_frame._callback_from_stance, threading.Lock()

    def first(asked: Any) -> Any:
        if one.acquire(blocking=False):
            eval_frame._callback_from_stance = stances
            start()
        now = eval_frame._callback_from_stance
        return stances(asked) if now in (stances, first) else now(asked, sys._getframe(1))

    eval_frame._callback_from_stance = first


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class RunningEntry:
    """A call of an entry point that has begun: what is called with which arguments, and how to hear its end."""

    function: Callable[..., Any]
    args: Sequence[Any]
    kwargs: Mapping[str, Any]
    _callback: Any
    _cleanups: list[Callable[[], object]]

    def then(self, call: EntryCall, failed: Callable[[Exception], object] | None = None) -> None:
        """Have the call told how it ended."""
        self._cleanups.append(functools.partial(_ended, call, failed))

    def is_of(self, point: EntryPoint) -> bool:
        """Is it a call of this entry point?  If not, several share a callback: they are told apart from now on."""
        if self.function == point.function:
            return True
        vars(self._callback).pop(_ONLY, None)
        return False


def running_entry() -> RunningEntry | None:
    """The innermost call of an entry point that this thread is in."""
    frame: types.FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_name != "compile_wrapper":
        frame = frame.f_back
    names: Mapping[str, Any] = {} if frame is None else frame.f_locals
    if "cleanups" not in names:
        return None
    return RunningEntry(names["fn"], names["args"], names["kwargs"], names["callback"], names["cleanups"])


def _ended(call: EntryCall, failed: Callable[[Exception], object] | None) -> None:
    """The last of what is cleaned up after a call: its frame knows the result, or is left by an exception."""
    names, error = sys._getframe(1).f_locals, sys.exc_info()[1]
    try:
        if names["call_succeeded"]:
            call.returned(names["result"])
        elif error is not None:
            call.raised(error)
    except Exception as own:
        if failed is None:
            raise
        failed(own)


def _entry_point(context: Any, function: Callable[..., Any], callback: Any) -> EntryPoint:
    converter = callback._torchdynamo_orig_backend
    return EntryPoint(
        function=function,
        fullgraph=context.fullgraph,
        dynamic=context._dynamic,
        recompile_limit=getattr(converter, "_recompile_limit", None),
        filters_guards=callback.hooks.guard_filter_fn is not None,
        backend=backend_of(callback),
        isolated=context._isolate_recompiles_id,
    )


class FrontOfConverter(FrameCallback):
    """In front of somebody else's converter: Dynamo finds the same back end, and with it the entries that are there.

    Args:
        converter: What ``torch.compile`` made.
    """

    def __init__(self, converter: Any) -> None:
        self._torchdynamo_orig_backend = converter._torchdynamo_orig_backend
        self._convert = converter


class GraphBackend(Protocol):
    """Sees each graph on its way to a back end, and gives back what runs in the place of the compiled one."""

    def __call__(self, module: Any, example_inputs: Any, compile_fn: Callable[..., Any]) -> Callable[..., Any]: ...


def with_graphs_seen(converter: Any, see: GraphBackend, failed: Callable[[Exception], object]) -> Any:
    """A converter of frames that does what another one does; ``see`` gets its graphs, ``failed`` what it keeps silent.

    A converter that stores what it compiles in a package is given back as it is.
    """
    compile_fn: Any = converter._torchdynamo_orig_backend
    inner = getattr(converter, "_inner_convert", converter)
    if inner._package is not None:
        return converter

    @functools.wraps(compile_fn)
    def compile_graph(module: Any, example_inputs: Any) -> Callable[..., Any]:
        return see(module, example_inputs, compile_fn)

    clone: Any = converter._clone_with_backend(compile_graph)
    return clone if inner is converter else telling(clone, failed)


@contextlib.contextmanager
def unfiltered_guards(tell: Callable[[Any], object]) -> Iterator[None]:
    """A block in which ``tell`` gets a guard manager with all guards of each frame whose own has been filtered.

    Where those that were filtered out do not even hold for the frame that they were made for, there is none.
    """
    from torch._dynamo import convert_frame as module

    convert_frame: Any = module
    build = convert_frame.CheckFunctionManager

    def manager(code: Any, output_graph: Any, *args: Any, **kwargs: Any) -> Any:
        made = build(code, output_graph, *args, **kwargs)
        with contextlib.suppress(Exception):
            tell(build(code, output_graph).guard_manager)
        return made

    with replaced(convert_frame, {"CheckFunctionManager": manager}):
        yield
