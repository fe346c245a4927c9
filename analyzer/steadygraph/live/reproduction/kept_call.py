"""One call of a watched region, kept so that a case can make it again."""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn

from steadygraph.errors import raised
from steadygraph.live.reproduction import attributes
from steadygraph.live.reproduction.attributes import Place
from steadygraph.live.reproduction.objects import NotRebuiltError
from steadygraph.live.reproduction.values import Rebuilding
from steadygraph.model import Ambient
from steadygraph.observe.run.watching import WatchedRegion
from steadygraph.observe.state import code_state


@dataclass(frozen=True, slots=True, eq=False)
class KeptCall:
    """What it takes to make a call again.

    Args:
        made: Statements, tensors and objects of its arguments.
        call: ``(args), {kwargs}`` of them.
        ambient: The state of the process.
        attributes: Of the modules of the region.
        names: Module-level names that its code mentions.
        lost: Why it cannot be made again; empty: it can.
    """

    made: Rebuilding
    call: str
    ambient: Ambient
    attributes: Mapping[Place, Any]
    names: Mapping[Place, Any]
    lost: str = ""


def kept(
    region: WatchedRegion, args: Sequence[Any], kwargs: Mapping[str, Any], ambient: Ambient, *, tensors: bool
) -> KeptCall:
    """Keep a call before it runs: no tensor of it stays alive.

    Args:
        region: Whose call it is.
        args: Its arguments.
        kwargs: Its arguments.
        ambient: The state of the process.
        tensors: Keep their values, too.
    """
    made = Rebuilding(keep=tensors)
    try:
        call = made.call(args, kwargs)
        made.forget()
        held = {} if region.module is None else attributes.of_model(region.module)
        return KeptCall(made, call, ambient, held, attributes.of_globals(_functions(region)))
    except NotRebuiltError as error:
        return KeptCall(Rebuilding(), "", ambient, {}, {}, str(error))
    except Exception as error:  # of an object that is like no other
        return KeptCall(Rebuilding(), "", ambient, {}, {}, f"{raised.name(error)}: {raised.text(error)}")


def _functions(region: WatchedRegion) -> list[types.FunctionType]:
    own = getattr(region.forward.function, "__func__", region.forward.function)
    found = [own] if isinstance(own, types.FunctionType) else []
    return found + (code_state.methods_in(region.module) if isinstance(region.module, nn.Module) else [])
