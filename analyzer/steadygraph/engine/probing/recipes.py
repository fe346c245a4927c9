"""What may stand in the place of a None: annotations tell, what the code reads of it, and the other tensors."""

from __future__ import annotations

import dataclasses
import inspect
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from steadygraph.engine.probing import words
from steadygraph.engine.probing.source_facts import SourceFacts
from steadygraph.model import TensorSpec

#: (What stands in a table, how it is built): see :func:`edits.built`.
Recipe = tuple[str, Any]
_MOST = 16
_MOST_WITHIN = 3
_DEEPEST = 3
_NUMBERS: Mapping[Any, tuple[Any, ...]] = {bool: (True,), int: (1, 2), float: (0.5,)}
_MAPPINGS = ("dict", "Mapping", "MutableMapping")
_SEQUENCES = ("list", "Sequence", "Iterable", "tuple")


class Recipes:
    """For the model and the call that are looked at.

    Args:
        specs: The tensors of the call.
        source: What the model's code reads and compares.
    """

    def __init__(self, specs: Sequence[TensorSpec], source: SourceFacts) -> None:
        self._tensors = list(_tensors(specs))
        self._source = source

    def of(self, word: str, annotation: Any) -> tuple[Recipe, ...]:
        """Candidates for a value; eager mode says which of them it takes.

        Args:
            word: The name by which the code reads it.
            annotation: Its type; None: not known.
        """
        found = list(self._of(word, annotation, 0))
        return tuple({said: (said, recipe) for said, recipe in reversed(found[:_MOST])}.values())[::-1]

    def _of(self, word: str, annotation: Any, depth: int) -> Iterator[Recipe]:
        kinds = [each for each in _alternatives(annotation) if each is not type(None)]
        for kind in kinds:
            yield from self._of_kind(word, kind, depth)
        if not kinds:
            yield from self._untyped(word, depth)

    def _of_kind(self, word: str, kind: Any, depth: int) -> Iterator[Recipe]:
        if kind in _NUMBERS:
            yield from ((repr(value), ("constant", value)) for value in _NUMBERS[kind])
            return
        if kind is str:
            texts = [one for one in self._source.compared.get(word, ()) if type(one) is str]
            yield from ((words.text(text), ("constant", text)) for text in texts[:_MOST_WITHIN])
            return
        origin, arguments = typing.get_origin(kind) or kind, typing.get_args(kind)
        name = getattr(origin, "__name__", "")
        if name in ("Tensor", "Parameter"):
            yield from self._tensors if depth == 0 else self._tensors[:_MOST_WITHIN]
        elif name in _MAPPINGS:
            yield from self._dicts(word, arguments[1] if len(arguments) > 1 else None, depth)
        elif name in _SEQUENCES:
            yield from self._sequences(word, name, arguments, depth)
        elif isinstance(kind, type) and kind.__module__ != "builtins" and depth < _DEEPEST:
            yield from self._objects(kind, depth)
        else:
            yield from self._untyped(word, depth)

    def _untyped(self, word: str, depth: int) -> Iterator[Recipe]:
        """Nobody says what it is: a tensor, most often, or what has the keys or attributes that code reads."""
        if depth >= _DEEPEST:
            return
        read = [name for name in self._source.attributes.get(word, ()) if name.isidentifier()]
        if self._source.keys.get(word):
            yield from self._dicts(word, None, depth + 1)
        if read and not any(name in _OF_TENSORS for name in read):
            yield from self._namespaces(read, depth + 1)
        yield from self._tensors if depth == 0 else self._tensors[:_MOST_WITHIN]
        if depth == 0:
            yield from self._sequences(word, "list", (), depth + 1)
            yield from self._pairs()

    def _dicts(self, word: str, kind: Any, depth: int) -> Iterator[Recipe]:
        keys = self._source.keys.get(word, ()) or ("a",)
        for said, recipe in self._within("", kind, depth):
            yield f"a dict of {said}", ("dict", tuple((key, recipe) for key in keys))

    def _sequences(self, word: str, name: str, arguments: Sequence[Any], depth: int) -> Iterator[Recipe]:
        kinds = [each for each in arguments if each is not Ellipsis]
        made = "tuple" if name == "tuple" else "list"
        if made == "tuple" and len(kinds) > 1:
            parts = [next(self._within("", kind, depth), None) for kind in kinds]
            if all(parts):
                yield f"a tuple of {len(parts)}", ("tuple", tuple(part[1] for part in parts if part))
            return
        for said, recipe in self._within("", kinds[0] if kinds else None, depth):
            yield f"a {made} of 2 {said}", (made, (recipe, recipe))

    def _pairs(self) -> Iterator[Recipe]:
        for said, recipe in self._tensors[:2]:
            yield f"a tuple of pairs of {said}", ("tuple", (("tuple", (recipe, recipe)),) * 2)

    def _within(self, word: str, kind: Any, depth: int) -> Iterator[Recipe]:
        found = self._tensors if kind is None else list(self._of(word, kind, depth + 1))
        yield from found[:_MOST_WITHIN]

    def _namespaces(self, names: Sequence[str], depth: int) -> Iterator[Recipe]:
        for said, recipe in self._tensors[:_MOST_WITHIN]:
            parts = tuple((name, recipe) for name in names)
            yield f"an object with {words.joined(names)} of {said}", ("object", "types", "SimpleNamespace", parts)

    def _objects(self, kind: type, depth: int) -> Iterator[Recipe]:
        """Of a class whose constructor says what it takes."""
        try:
            parameters = list(inspect.signature(kind).parameters.values())
            hints = typing.get_type_hints(kind if dataclasses.is_dataclass(kind) else vars(kind).get("__init__", kind))
        except (TypeError, ValueError, NameError):
            return
        wanted = [p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
        wanted = [p for p in wanted if p.default is p.empty] or wanted[:1]
        for number in range(_MOST_WITHIN):
            parts = []
            for parameter in wanted:
                found = list(self._of(parameter.name, hints.get(parameter.name), depth + 1))
                if not found:
                    return
                parts.append((parameter.name, found[min(number, len(found) - 1)]))
            said = f"{kind.__name__}({', '.join(words.cut(part[0]) for _, part in parts)})"
            built = tuple((name, recipe) for name, (_, recipe) in parts)
            yield said, ("object", kind.__module__, kind.__qualname__, built)


#: What code reads of a tensor, too.
_OF_TENSORS = frozenset({"shape", "dtype", "size", "device", "dim", "to", "view", "reshape", "float", "bool", "T"})


def _alternatives(annotation: Any) -> list[Any]:
    if annotation is None or annotation is Any or isinstance(annotation, str):
        return []
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return [kind for each in typing.get_args(annotation) for kind in _alternatives(each)]
    return [annotation]


def _tensors(specs: Sequence[TensorSpec]) -> Iterator[Recipe]:
    """Of the shapes that the call has, and of parts of them: floats first, then bools and integers."""
    known = [tuple(size for size in spec.shape if isinstance(size, int)) for spec in specs]
    shapes = list(dict.fromkeys(shape for shape in known if len(shape) <= 4))[:4] or [(1,)]
    floats = [spec.dtype.removeprefix("torch.") for spec in specs if "float" in spec.dtype]
    device = specs[0].device if specs else "cpu"
    first = max(shapes, key=len)
    parts = [(2, *first), first[:-1], first[-1:], first[:1], (*first[:1], *first[:1]), (*first[:-1], 1), ()]
    pairs = [(dtype, shape) for shape in shapes for dtype in ((floats or ["float32"])[0],)]
    pairs += [(dtype, shape) for dtype in ("bool", "int64") for shape in shapes[:2]]
    pairs += [((floats or ["float32"])[0], shape) for shape in parts if shape not in shapes]
    pairs += [(dtype, shape) for dtype in ("bool", "int64") for shape in parts[1:4] if shape not in shapes[:2]]
    for dtype, shape in dict.fromkeys(pairs):
        yield words.tensor(dtype, shape), ("tensor", dtype, shape, device)
