"""Which operators run for real and which are faked: tensors on the CPU have values, those on the device have none.

That is what a host sees of a device: it decides on its own values, and has to wait for the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils.weak import WeakIdKeyDictionary

from steadygraph import torch_private
from steadygraph.accelerator import limits
from steadygraph.accelerator.pinned import PinnedMemory
from steadygraph.accelerator.unknown import Unknowns
from steadygraph.accelerator.usage import Usage
from steadygraph.errors import raised
from steadygraph.model import DeviceMismatch, Location
from steadygraph.observe.inputs import symbols
from steadygraph.observe.places import locations
from steadygraph.observe.syncs.blocking import blocking_operation
from steadygraph.torch_private.device.symbols import fresh

DEVICE = "cuda"
_MASKS = (torch.bool, torch.uint8)
_INDEXING = ("index", "index_put", "index_put_", "_index_put_impl_", "_unsafe_index")
#: Operators that only matter where there is a device to order work on.
_NO_OPS = ("record_stream",)
_ATTRIBUTE = "steadygraph_device_mismatch"
_READS_BOOL = ("_local_scalar_dense", "is_nonzero")
#: Operator -> does it say True for what is not equal?
_EQUALITIES = {"eq": False, "ne": True}


class Dispatch:
    """Decides about each operator, and remembers where the tensors that are not on the device were made.

    Args:
        usage: Told which devices operators are given.
        pinned: Told of what is made in pinned memory.
        unknowns: Told what only values tell.
    """

    def __init__(self, usage: Usage, pinned: PinnedMemory, unknowns: Unknowns) -> None:
        self._usage = usage
        self._pinned = pinned
        self._unknowns = unknowns
        self._made: Any = WeakIdKeyDictionary()
        #: A parameter is another object than the tensor that it was made of, in the same memory.
        self._made_at: dict[int, tuple[StorageWeakRef, Location]] = {}
        #: Results of ``==`` (False) and ``!=`` (True).
        self._equalities: Any = WeakIdKeyDictionary()

    def __call__(self, op: Any, args: Sequence[Any], kwargs: dict[str, Any], fake: Callable[..., Any]) -> Any:
        if self._unknowns.faking:  # an operator is being faked by means of others
            return fake(args, kwargs)
        kwargs = {name: _with_index(value) for name, value in kwargs.items()}
        values = list(_flat((*args, *kwargs.values())))
        if not any(_on_device(value) for value in values):
            result = op(*args, **{name: value for name, value in kwargs.items() if name != "pin_memory"})
            if kwargs.get("pin_memory"):
                self._pinned.remember(result)
            self._remember(values, result)
            return result
        if torch_private.bare_name(op) in _NO_OPS:
            return None
        self._require_devices(values)
        result = self._faked(op, args, kwargs, fake)
        self._remember(values, result)
        return result

    def _faked(self, op: Any, args: Sequence[Any], kwargs: dict[str, Any], fake: Callable[..., Any]) -> Any:
        name, known = torch_private.bare_name(op), self._unknowns.input_values
        if known is not None:
            result = known.run(op, args, kwargs, lambda: self._look(op, args, kwargs, fake))
        elif name in _READS_BOOL and (answer := self._known_equality(args[0])) is not None:
            return answer
        else:
            result = self._look(op, args, kwargs, fake)
        operation = blocking_operation(name, args, kwargs)
        if operation is not None and any(symbols.symbols_of(value) for value in _flat(result)):
            self._unknowns.made(operation, locations.running())
        elif known is not None:
            fresh(self._unknowns.shape_env)  # of a size whose number is known
        if name in _EQUALITIES and torch_private.is_tensor(result):
            self._equalities[result] = _EQUALITIES[name]
        return result

    def _look(self, op: Any, args: Sequence[Any], kwargs: dict[str, Any], fake: Callable[..., Any]) -> Any:
        """What the result looks like."""
        self._unknowns.faking = True
        try:
            return fake(_masks_as_indices(op, args), kwargs)
        except RuntimeError as error:
            if torch_private.is_value_missing(error):
                raise limits.value_needed(op, args, kwargs) from None
            if (name := torch_private.lacking_operator(error)) is not None:
                raise limits.FakeImplementationError(name) from None
            if torch_private.is_device_mismatch(error):
                setattr(error, _ATTRIBUTE, self._mismatch(op, args, kwargs))
            raise
        finally:
            self._unknowns.faking = False

    def _known_equality(self, tensor: torch.Tensor) -> bool | None:
        """What reading the result of a comparison with one particular number gives."""
        negated = self._equalities.get(tensor)
        return None if negated is None else self._unknowns.equality(locations.running(), negated=negated)

    def _require_devices(self, values: Sequence[Any]) -> None:
        for value in values:
            if isinstance(value, torch.device) and value.type == DEVICE:
                self._usage.ask(value.index or 0)

    def _remember(self, inputs: Sequence[Any], result: Any) -> None:
        made = [t for t in _flat(result) if torch_private.is_tensor(t) and not _is_first_device(t)]
        if not made:
            return
        known = (self._origin(t) for t in inputs if torch_private.is_tensor(t) and not _is_first_device(t))
        origin = next((place for place in known if place), None) or locations.running()
        for tensor in made:
            if origin is not None and tensor not in self._made:
                self._made[tensor] = origin
                if address := _address(tensor):
                    memory = StorageWeakRef(tensor.untyped_storage())  # type: ignore[no-untyped-call]
                    self._made_at[address] = memory, origin

    def swapped(self, tensor: torch.Tensor, made: torch.Tensor) -> None:
        """``tensor`` is what ``made`` was, from now on."""
        origin = self._origin(made)
        self._made.pop(tensor, None)
        if origin is not None:
            self._made[tensor] = origin

    def _origin(self, tensor: torch.Tensor) -> Location | None:
        found: Location | None = self._made.get(tensor)
        if found is None and (made_at := self._made_at.get(_address(tensor))) is not None:
            memory, origin = made_at
            given_out_again = memory.expired()  # type: ignore[no-untyped-call]
            found = None if given_out_again else origin
        return found

    def _mismatch(self, op: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> DeviceMismatch:
        operands = list(_operands(op, args, kwargs))
        odd = next(((name, t) for name, t in operands if t.device.type != DEVICE and t.dim() > 0), None)
        odd = odd or next(((name, t) for name, t in operands if not _is_first_device(t)), None)
        return DeviceMismatch(
            operation=torch_private.dotted_name(op),
            operands=tuple((name, str(tensor.device)) for name, tensor in operands),
            location=locations.running(),
            odd=odd[0] if odd else "",
            created=self._origin(odd[1]) if odd else None,
        )


def mismatch_of(error: BaseException | None) -> DeviceMismatch | None:
    """The devices that met, if that is what an exception is about, or what it was raised because of."""
    for one in raised.chain(error):
        found = BaseException.__getattribute__(one, "__dict__").get(_ATTRIBUTE)
        if isinstance(found, DeviceMismatch):
            return found
    return None


def _flat(value: Any) -> Iterator[Any]:
    """What an operator takes and gives: single values, and lists of them."""
    if isinstance(value, list | tuple):
        for item in value:
            yield from _flat(item)
    else:
        yield value


def _on_device(value: object) -> bool:
    if torch_private.is_tensor(value):
        return torch_private.is_fake(value)
    return (isinstance(value, torch.device) and value.type == DEVICE) or symbols.is_unknown(value)


def _with_index(value: object) -> object:
    """``cuda`` means the current device, but the fake mode caches what it meant before (torch 2.13)."""
    if isinstance(value, torch.device) and value.type == DEVICE and value.index is None:
        return torch.device(DEVICE, torch.cuda.current_device())
    return value


def _address(tensor: torch.Tensor) -> int:
    try:
        return 0 if torch_private.is_fake(tensor) else tensor.untyped_storage().data_ptr()
    except (NotImplementedError, RuntimeError):  # sparse layouts, wrappers
        return 0


def _is_first_device(tensor: torch.Tensor) -> bool:
    return tensor.device.type == DEVICE and not tensor.device.index


def _operands(op: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Iterator[tuple[str, torch.Tensor]]:
    for name, value in (*zip(torch_private.argument_names(op), args, strict=False), *kwargs.items()):
        parts = list(_flat(value))
        for index, part in enumerate(parts):
            if torch_private.is_tensor(part):
                yield (name if len(parts) == 1 else f"{name}[{index}]"), part


def _masks_as_indices(op: Any, args: Sequence[Any]) -> Sequence[Any]:
    """A mask on the CPU has values: which elements it selects is known without asking the device (torch >= 2.9)."""
    if torch_private.bare_name(op) not in _INDEXING or not isinstance(args[1], list | tuple):
        return args
    indices: list[Any] = []
    for index in args[1]:
        real = torch_private.is_tensor(index) and not torch_private.is_fake(index)
        indices += index.nonzero(as_tuple=True) if real and index.dtype in _MASKS else [index]
    return (args[0], indices, *args[2:])
