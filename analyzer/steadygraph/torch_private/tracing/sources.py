"""Dynamo's sources of one layer, read for another: ``layers[0].mlp.weight`` for ``layers[1]``.

Torch can do this for one source at a time (``Source.clone``, ``Source.get_value``).  A layer has hundreds of them,
which share most of their way: here each step is taken once.
"""

from __future__ import annotations

import dataclasses
import functools
import types
from collections.abc import Callable, Iterable, Mapping
from typing import Any

_MEMBERS = {
    "torch._guards.Source": "_name_template clone get_value",
}

#: Values that are one object by chance, and those that Dynamo comes upon anew each time.
_PLAIN = (bool, int, float, complex, str, bytes, type(None), type(...), tuple, types.FunctionType, types.MethodType)
#: The source of the classes that ``super()`` looks through (torch 2.13).
_SUPER = "TypeMROSource"
#: The source of what stands in a class: a copy whenever it is looked at, and one thing to Dynamo.
_NAMESPACE = "TypeDictSource"


@dataclasses.dataclass(frozen=True, slots=True)
class _Step:
    """One source, and the number of the one that it starts from; None if it starts from nothing that is known."""

    source: Any
    base: int | None


class SourceTree:
    """Sources and all that they start from, each once, bases first."""

    def __init__(self, sources: Iterable[Any]) -> None:
        self._steps: list[_Step] = []
        self._numbers: dict[Any, int] = {}
        for source in sources:
            self._add(source)

    def _add(self, source: Any) -> int:
        known = self._numbers.get(source)
        if known is not None:
            return known
        base = getattr(source, "base", None)
        # One that is made of several (the key of a dict) is left to torch.
        plain = base is not None and not any(
            field.name != "base" and hasattr(getattr(source, field.name), "guard_source")
            for field in dataclasses.fields(source)
        )
        step = _Step(source, self._add(base) if plain else None)
        self._steps.append(step)
        self._numbers[source] = len(self._steps) - 1
        return self._numbers[source]

    def moved(self, replaced: Mapping[Any, Any], scope: Mapping[str, Any]) -> MovedSources:
        """The same sources where some are replaced by others.

        Args:
            replaced: What to put in the place of what.
            scope: The names that sources start from: ``L``, ``G``.
        """
        sources: list[Any] = []
        for step in self._steps:
            if step.source in replaced:
                sources.append(replaced[step.source])
            elif step.base is None:
                sources.append(step.source.clone(lambda part: replaced.get(part, part)))
            elif sources[step.base] is self._steps[step.base].source:
                sources.append(step.source)
            else:
                sources.append(dataclasses.replace(step.source, base=sources[step.base]))
        return MovedSources(self._steps, self._numbers, sources, scope)


class MovedSources:
    """Sources, and the values that they lead to."""

    def __init__(
        self, steps: list[_Step], numbers: Mapping[Any, int], sources: list[Any], scope: Mapping[str, Any]
    ) -> None:
        self._steps = steps
        self._numbers = numbers
        self._sources = sources
        self._scope = dict(scope)
        self._values: dict[int, Any] = {}
        self._original: MovedSources | None = None

    def __call__(self, source: Any) -> Any:
        """What stands in the place of a source."""
        return self._sources[self._numbers[source]]

    def value(self, source: Any) -> Any:
        """What the source that stands in the place of this one leads to; raises if it leads nowhere."""
        return self._value(self._numbers[source])

    def shared(self, source: Any, tracked: Callable[[Any], bool]) -> bool:
        """Is there, where another layer would have its own, an object of the traced layer that Dynamo tracks as one?"""
        return self._shared(self._numbers[source], tracked)

    def below_shared(self, source: Any, tracked: Callable[[Any], bool]) -> bool:
        """Does it hang on such an object?  What ``super()`` finds does not: it looks through the classes anew."""
        number = self._numbers[source]
        base = self._steps[number].base
        while base is not None:
            anew = type(self._steps[number].source).__name__ == _SUPER
            if not anew and self._shared(base, tracked):
                return True
            number, base = base, self._steps[base].base
        return False

    def _shared(self, number: int, tracked: Callable[[Any], bool]) -> bool:
        if self._sources[number] is self._steps[number].source:
            return False
        base = self._steps[number].base
        if type(self._steps[number].source).__name__ == _NAMESPACE and base is not None:
            return self._value(base) is self._traced(base)
        value = self._value(number)
        if isinstance(value, _PLAIN) or value is not self._traced(number):
            return False
        return not isinstance(value, type) or tracked(value)

    def _traced(self, number: int) -> Any:
        """What the source itself leads to, in the traced layer."""
        if self._original is None:
            still = [step.source for step in self._steps]
            self._original = MovedSources(self._steps, self._numbers, still, self._scope)
        return self._original._value(number)

    def _value(self, number: int) -> Any:
        if number not in self._values:
            source, base = self._sources[number], self._steps[number].base
            if base is None or source.base is not self._sources[base]:
                found = source.get_value(self._scope, {}, {})
            else:
                found = eval(_code(source._name_template), self._scope, {"base": self._value(base)})
            self._values[number] = found
        return self._values[number]


@functools.lru_cache(maxsize=4096)
def _code(template: str) -> types.CodeType:
    return compile(template.format("base"), "<source>", "eval")
