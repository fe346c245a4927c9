"""Tensors that look otherwise, or hold other numbers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from steadygraph.engine.probing import words
from steadygraph.engine.probing.places import Derived, Place
from steadygraph.model import Change, Probe, TensorNode, TensorSpec

_PLAIN = ("torch.Tensor", "torch.nn.parameter.Parameter")
_NEIGHBOURS = {
    "float64": ("float32",),
    "float32": ("bfloat16", "float16", "float64"),
    "bfloat16": ("float32", "float16"),
    "float16": ("float32", "bfloat16"),
    "int64": ("int32",),
    "int32": ("int64",),
    "bool": ("uint8", "float32"),
    "uint8": ("bool",),
}
#: More occurrences of one size than this are changed together only.
_MOST_ALONE = 24
_Dim = tuple[Place, int]


def plain(places: Sequence[Place]) -> list[Place]:
    """Those that hold an ordinary tensor with sizes that are numbers."""
    return [place for place in places if isinstance(place.node, TensorNode) and _is_plain(place.node.spec)]


def _is_plain(spec: TensorSpec) -> bool:
    known = all(isinstance(size, int) for size in (*spec.shape, *spec.stride))
    return spec.subclass in _PLAIN and spec.layout == "torch.strided" and known


def spec(place: Place) -> TensorSpec:
    assert isinstance(place.node, TensorNode)
    return place.node.spec


def shape(place: Place) -> tuple[int, ...]:
    return tuple(size for size in spec(place).shape if isinstance(size, int))


def dtype(place: Place) -> str:
    return spec(place).dtype.removeprefix("torch.")


def dtypes(places: Sequence[Place]) -> Iterator[Derived]:
    """Neighbours: of one tensor, and of all that have the same dtype."""
    by_dtype: dict[str, list[Place]] = defaultdict(list)
    for place in places:
        by_dtype[dtype(place)].append(place)
    for now, together in by_dtype.items():
        for other in _NEIGHBOURS.get(now, ()):
            groups = [[place] for place in together]
            for group in [together, *groups] if len(together) > 1 else groups:
                name = words.joined([place.name for place in group])
                yield Derived(Probe(name, Change.DTYPE, now, other), tuple(p.step("cast", other) for p in group))


def sizes(places: Sequence[Place], known: Sequence[int]) -> Iterator[Derived]:
    """Each size with its equals (all that have it, and those that have it in the same dimension), and each alone."""
    by_size: dict[int, list[_Dim]] = defaultdict(list)
    for place in places:
        for dim, size in enumerate(shape(place)):
            by_size[size].append((place, dim))
    groups: dict[tuple[tuple[str, int], ...], tuple[int, list[_Dim]]] = {}

    def add(size: int, group: list[_Dim]) -> None:
        groups.setdefault(tuple((place.name, dim) for place, dim in group), (size, group))

    for size, group in by_size.items():
        add(size, group)
    together = len(groups)
    for size, group in by_size.items():
        for dim in dict.fromkeys(dim for _, dim in group):
            add(size, [one for one in group if one[1] == dim])
    for size, group in by_size.items():
        for one in group[:_MOST_ALONE]:
            add(size, [one])
    for size, group in groups.values():
        for other in dict.fromkeys((size + 1, 1, 0, 2, 2 * size)):
            if other != size:
                yield _sized(group, size, other)
    for size, group in list(groups.values())[:together]:
        for other in _bounds(size, known):
            yield _sized(group, size, other)


def _bounds(size: int, known: Sequence[int]) -> list[int]:
    """Around each number that something is compared with, as far as it is not much larger than the size."""
    near = [bound for bound in known if bound <= 32 * max(size, 2)]
    found = dict.fromkeys(each for bound in near for each in (bound + 1, bound, bound - 1))
    return [each for each in found if each > 2 and each not in (size, size + 1, 2 * size)]


def _sized(group: Sequence[_Dim], size: int, other: int) -> Derived:
    names = words.joined([f"{place.name}.shape[{dim}]" for place, dim in group])
    steps = tuple(place.step("resized", dim, other) for place, dim in group)
    return Derived(Probe(names, Change.SIZE, str(size), str(other)), steps)


def ranks(places: Sequence[Place]) -> Iterator[Derived]:
    """Without the first dimension, and with one more: alone, and together with all of the same first size."""
    by_first: dict[int, list[Place]] = defaultdict(list)
    for place in places:
        if shape(place):
            by_first[shape(place)[0]].append(place)
    for together in by_first.values():
        groups = [[place] for place in together]
        for group in [together, *groups] if len(together) > 1 else groups:
            name = words.joined([place.name for place in group])
            rank = words.joined([f"{len(shape(place))}-d" for place in group[:1]])
            for edit, more in (("without_first_dim", -1), ("with_first_dim", 1)):
                now = f"{len(shape(group[0])) + more}-d"
                if shape(group[0])[0] or more > 0:
                    yield Derived(Probe(name, Change.RANK, rank, now), tuple(p.step(edit) for p in group))


def strides(place: Place) -> Iterator[Derived]:
    """Other strides of the same numbers."""
    dims, held = len(shape(place)), spec(place)

    def probe(now: str) -> Probe:
        return Probe(place.name, Change.STRIDE, f"strides {tuple(held.stride)}", now)

    if dims >= 2 and min(shape(place)[-2:]) > 1:
        yield Derived(probe("transposed in memory"), (place.step("transposed"),))
    if dims >= 1 and shape(place)[-1] > 0:
        yield Derived(probe("a slice with an offset"), (place.step("sliced"),))
    if dims >= 1 and shape(place)[0] > 1:
        yield Derived(probe("one row expanded"), (place.step("expanded"),))
    if dims == 4 and min(shape(place)) > 1:
        yield Derived(probe("channels_last"), (place.step("channels_last"),))


def grads(place: Place) -> Iterator[Derived]:
    """requires_grad the other way round, and a parameter for a tensor."""
    held = spec(place)
    if not ("float" in held.dtype or "complex" in held.dtype):
        return
    wanted = not held.requires_grad
    found = Probe(place.name, Change.REQUIRES_GRAD, str(held.requires_grad), str(wanted))
    yield Derived(found, (place.step("with_grad", wanted),))
    if held.subclass == "torch.Tensor":
        yield Derived(Probe(place.name, Change.TYPE, "tensor", "parameter"), (place.step("as_parameter"),))


def data(places: Sequence[Place]) -> Iterator[Derived]:
    """Other numbers: of one tensor, and of all."""
    groups = [[place] for place in places]
    for group in [list(places), *groups] if len(places) > 1 else groups:
        name = words.joined([place.name for place in group])
        for edit, now in (("flipped", "the same numbers in reverse"), ("zeros", "zeros")):
            yield Derived(Probe(name, Change.DATA, "", now), tuple(place.step(edit) for place in group))
