"""What differs between the ambient states of two calls."""

from __future__ import annotations

from collections.abc import Iterator

from steadygraph.model import EVERY_MODULE, Ambient, Aspect, Difference

#: What stands for a reading that only one of the observations has.
_ABSENT = "absent"


def differences(profile: Ambient, serving: Ambient, *, region: str = "") -> tuple[Difference, ...]:
    """Process-wide state first (``ambient.grad_mode``), then modules in another mode (``self.layers[0].training``).

    Last come hooks (``self.layers[0].forward_hooks``); of those on all modules the path is ``forward_hooks``.

    A module that changed its mode together with the module that holds it is not reported: ``model.train()`` is one
    difference, ``self.training``.
    """
    return (
        *_values(profile, serving, region),
        *_training(profile, serving, region),
        *_hooks(profile, serving, region),
    )


def module_path(name: str) -> str:
    """``self.layers[0].norm`` for ``layers.0.norm``, the name that ``named_modules`` gives."""
    parts = name.split(".") if name else []
    return "self" + "".join(f"[{part}]" if part.isdecimal() else f".{part}" for part in parts)


def _values(profile: Ambient, serving: Ambient, region: str) -> Iterator[Difference]:
    there, here = dict(profile.values), dict(serving.values)
    for name in sorted(there.keys() | here.keys()):
        one, other = there.get(name, _ABSENT), here.get(name, _ABSENT)
        if one != other:
            yield Difference(f"ambient.{name}", Aspect.AMBIENT, one, other, region)


def _training(profile: Ambient, serving: Ambient, region: str) -> Iterator[Difference]:
    trained, trains = set(profile.training), set(serving.training)
    flipped = trained ^ trains
    for name in sorted(flipped):
        holder = next((holder for holder in _holders(name) if holder in flipped), None)
        if holder is None or (holder in trains) != (name in trains):
            yield Difference(
                f"{module_path(name)}.training", Aspect.AMBIENT, str(name in trained), str(name in trains), region
            )


def _hooks(profile: Ambient, serving: Ambient, region: str) -> Iterator[Difference]:
    there, here = ({(name, kind): functions for name, kind, functions in one.hooks} for one in (profile, serving))
    for name, kind in sorted(there.keys() | here.keys()):
        one, other = there.get((name, kind), "none"), here.get((name, kind), "none")
        if one != other:
            path = kind if name == EVERY_MODULE else f"{module_path(name)}.{kind}"
            yield Difference(path, Aspect.AMBIENT, one, other, region)


def _holders(name: str) -> Iterator[str]:
    """The modules around a module, innermost first; the last is the region ("")."""
    while name:
        name = name.rpartition(".")[0]
        yield name
