"""What differs between two structures, and structures as one line of text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from steadygraph.model import (
    Aspect,
    ContainerNode,
    CycleNode,
    Difference,
    Node,
    NoneNode,
    OpaqueNode,
    TensorNode,
    TensorSpec,
    ValueNode,
)

#: Characters of a summary, at most.
LONGEST = 80
_CALL = "call"
#: Types whose children are entries even if their keys are 0, 1, 2, ...
_MAPPINGS = frozenset(
    {"dict", "collections.OrderedDict", "collections.defaultdict", "collections.Counter", "mappingproxy"}
)
#: Types of numbers, which may be symbols.
_NUMBERS = frozenset({"int", "float", "bool"})
_SYMBOL = re.compile(r"\bu\d+\b")
_CUT = re.compile(r"\[(\d+):\]")
#: How many keys a difference names.
_NAMED_KEYS = 5
#: Tensor aspects that are a single word, in the order of reporting.
_WORDS = (
    (Aspect.SUBCLASS, "subclass", "__class__"),
    (Aspect.DTYPE, "dtype", "dtype"),
    (Aspect.DEVICE, "device", "device"),
    (Aspect.LAYOUT, "layout", "layout"),
)


def differences(profile: Node, serving: Node, *, region: str = "", root: str = "") -> tuple[Difference, ...]:
    """Everything in which two structures differ, in the order of the profile structure.

    A place that is None, or of another type, in one of them is one difference: what lies below it is not compared.
    Strides that follow from sizes (both tensors are dense in the same order of dimensions) are not reported.

    Args:
        profile: The structure at profile.
        serving: The structure at serving.
        region: Copied into the differences.
        root: What the paths start with (``output``); calls need none, their children are ``args[0]``, ...
    """
    return tuple(_compare(profile, serving, root, region))


def is_symbolic(size: int | str) -> bool:
    """Is this a size or number that only the values of a tensor tell?"""
    return isinstance(size, str) and _SYMBOL.search(size) is not None


def summary(node: Node) -> str:
    """A structure in one line of at most 80 characters."""
    text = _summary(node)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def tensor_summary(spec: TensorSpec) -> str:
    """``torch.float32[8, 4] on cpu``, after the class of the tensor if it is a special one."""
    shape = ", ".join(map(str, spec.shape))
    text = f"{spec.dtype}[{shape}] on {spec.device}"
    return text if spec.subclass == "torch.Tensor" else f"{_short(spec.subclass)} {text}"


# --- differences -----------------------------------------------------------------------------------


def _compare(profile: Node, serving: Node, path: str, region: str) -> Iterator[Difference]:
    if profile == serving:
        return
    match profile, serving:
        case (NoneNode(), _) | (_, NoneNode()):
            yield Difference(path, Aspect.NONE, summary(profile), summary(serving), region)
        case TensorNode(), TensorNode():
            yield from _tensors(profile.spec, serving.spec, path, region)
        case ValueNode(), ValueNode() if profile.type == serving.type in _NUMBERS and _both_unknown(profile, serving):
            return
        case ValueNode(), ValueNode() if profile.type == serving.type:
            yield Difference(path, Aspect.VALUE, profile.value, serving.value, region)
        case ContainerNode(), ContainerNode() if profile.type == serving.type:
            yield from _containers(profile, serving, path, region)
        case CycleNode(), CycleNode():
            yield Difference(path, Aspect.IDENTITY, summary(profile), summary(serving), region)
        case _:
            yield Difference(path, Aspect.TYPE, _typed(profile), _typed(serving), region)


def _tensors(profile: TensorSpec, serving: TensorSpec, path: str, region: str) -> Iterator[Difference]:
    def difference(aspect: Aspect, place: str, one: object, other: object) -> Difference:
        return Difference(f"{path}.{place}", aspect, str(one), str(other), region)

    for aspect, field, place in _WORDS:
        one, other = getattr(profile, field), getattr(serving, field)
        if one != other:
            yield difference(aspect, place, one, other)
    if len(profile.shape) != len(serving.shape):
        yield difference(Aspect.RANK, "ndim", len(profile.shape), len(serving.shape))
    else:
        for dim, (one, other) in enumerate(zip(profile.shape, serving.shape, strict=True)):
            if one != other and not (is_symbolic(one) and is_symbolic(other)):
                yield difference(Aspect.SHAPE, f"shape[{dim}]", one, other)
        for dim, one, other in _strides(profile, serving):
            yield difference(Aspect.STRIDE, f"stride[{dim}]", one, other)
    if profile.requires_grad != serving.requires_grad:
        yield difference(Aspect.REQUIRES_GRAD, "requires_grad", profile.requires_grad, serving.requires_grad)


def _strides(profile: TensorSpec, serving: TensorSpec) -> Iterator[tuple[int, int | str, int | str]]:
    # A tensor of another layout has no strides: the layout one reported.
    if profile.stride == serving.stride or len(profile.stride) != len(serving.stride):
        return
    order = _dense_order(profile)
    if profile.shape != serving.shape and order is not None and order == _dense_order(serving):
        return
    for dim, (one, other) in enumerate(zip(profile.stride, serving.stride, strict=True)):
        if one != other and not (is_symbolic(one) and is_symbolic(other)):
            yield dim, one, other


def _both_unknown(profile: ValueNode, serving: ValueNode) -> bool:
    """Two symbols: whether they stand for one number, nobody knows."""
    return is_symbolic(profile.value) and is_symbolic(serving.value)


def _dense_order(spec: TensorSpec) -> tuple[int, ...] | None:
    """Dimensions from the outermost to the innermost, if the elements lie in memory without a gap in that order."""
    sizes = [size for size in spec.shape if isinstance(size, int)]
    steps = [step for step in spec.stride if isinstance(step, int)]
    if len(sizes) != len(spec.shape) or len(steps) != len(sizes):
        return None
    order = sorted(range(len(steps)), key=lambda dim: -steps[dim])
    expected = 1
    for dim in reversed(order):
        if steps[dim] != expected:
            return None
        expected *= max(sizes[dim], 1)
    return tuple(order)


def _containers(profile: ContainerNode, serving: ContainerNode, path: str, region: str) -> Iterator[Difference]:
    one, other = dict(profile.children), dict(serving.children)
    if profile.type == _CALL:
        yield from _arguments(one, other, region)
        yield from _overlaps(profile, serving, region)
        return
    if _is_sequence(profile) and _is_sequence(serving):
        if _length(profile) != _length(serving):
            yield Difference(
                path, Aspect.LENGTH, _count(_length(profile), "item"), _count(_length(serving), "item"), region
            )
    elif _other_keys(profile, serving):
        yield Difference(path, Aspect.KEYS, _keys(profile, serving), _keys(serving, profile), region)
    for accessor, node in one.items():
        if accessor in other and not _CUT.fullmatch(accessor):
            yield from _compare(node, other[accessor], path + accessor, region)


def _arguments(profile: dict[str, Node], serving: dict[str, Node], region: str) -> Iterator[Difference]:
    for accessor in [*profile, *(accessor for accessor in serving if accessor not in profile)]:
        one, other = profile.get(accessor), serving.get(accessor)
        if one is None or other is None:
            there, here = ("absent" if node is None else summary(node) for node in (one, other))
            yield Difference(accessor, Aspect.PRESENCE, there, here, region)
        else:
            yield from _compare(one, other, accessor, region)


def _overlaps(profile: ContainerNode, serving: ContainerNode, region: str) -> Iterator[Difference]:
    """Arguments that have memory in common in one of two calls only, and are there in both."""
    before, now = dict.fromkeys(profile.overlaps), dict.fromkeys(serving.overlaps)
    for pair in [*before, *(pair for pair in now if pair not in before)]:
        if (pair in before) is not (pair in now) and all(
            root in dict(call.children) for call in (profile, serving) for root in map(_argument, pair)
        ):
            there, here = (f"{'overlaps' if pair in known else 'apart from'} {pair[0]}" for known in (before, now))
            yield Difference(pair[1], Aspect.ALIASING, there, here, region)


def _argument(path: str) -> str:
    """``kwargs['cache']`` for ``kwargs['cache'][0].keys``."""
    return path[: path.index("]") + 1]


def _is_sequence(node: ContainerNode) -> bool:
    if node.type in _MAPPINGS:
        return False
    return all(accessor == f"[{i}]" for i, accessor in enumerate(_accessors(node)))


def _other_keys(profile: ContainerNode, serving: ContainerNode) -> bool:
    one, other = _accessors(profile), _accessors(serving)
    if profile.type in _MAPPINGS and one != other:  # Dynamo guards on the order of the keys of a dict
        return True
    return set(one) != set(other) or _length(profile) != _length(serving)


def _accessors(node: ContainerNode) -> list[str]:
    """Of the children that are really there, not of the one that stands for the rest."""
    return [accessor for accessor, _ in node.children if not _CUT.fullmatch(accessor)]


def _length(node: ContainerNode) -> int:
    """How many items there are, those included that were left out of a long container."""
    if not node.children:
        return 0
    accessor, last = node.children[-1]
    cut = _CUT.fullmatch(accessor)
    return int(cut[1]) + int(last.value) if cut and isinstance(last, ValueNode) else len(node.children)


def _keys(node: ContainerNode, other: ContainerNode) -> str:
    """The keys of one container, as far as they tell it from the other."""
    here, there = _accessors(node), _accessors(other)
    extra = [key for key in here if key not in set(there)]
    missing = [key for key in there if key not in set(here)]
    if here != there and not extra and not missing:
        return f"keys in the order {_listed([a for a, b in zip(here, there, strict=True) if a != b])}"
    text = _count(_length(node), "attribute" if any(key.startswith(".") for key in here + there) else "key")
    if extra:
        text += f", with {_listed(extra)}"
    if missing:
        text += f", without {_listed(missing)}"
    return text


def _listed(accessors: Sequence[str]) -> str:
    names = [_bare(accessor) for accessor in accessors[:_NAMED_KEYS]]
    more = len(accessors) - len(names)
    return ", ".join(names) + (f" and {more} more" if more else "")


def _bare(accessor: str) -> str:
    """``'d0'`` for ``['d0']``, ``tensors`` for ``.tensors``, ``3`` for ``{3}``."""
    return accessor[1:] if accessor.startswith(".") else accessor[1:-1]


# --- text --------------------------------------------------------------------------------------------


def _summary(node: Node) -> str:
    match node:
        case NoneNode():
            return "None"
        case TensorNode(spec=spec):
            return tensor_summary(spec)
        case ValueNode(value=value):
            return value
        case OpaqueNode(type=kind):
            return f"{_short(kind)} object"
        case CycleNode(to=to):
            return f"reference back to {to or 'the root'}"
        case ContainerNode(type=kind):
            return f"{_short(kind)} {_contents(node)}"


def _contents(node: ContainerNode) -> str:
    tensors = _tensor_count(node)
    if tensors:
        return f"with {_count(tensors, 'tensor')}"
    if node.children and all(accessor.startswith(".") for accessor, _ in node.children):
        return f"with {_count(len(node.children), 'attribute')}"
    return f"with {_count(_length(node), 'item')}"


def _typed(node: Node) -> str:
    """A summary that names the type of Python values as well: ``int 1`` is not ``bool True``."""
    text = f"{_short(node.type)} {node.value}" if isinstance(node, ValueNode) else _summary(node)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def _tensor_count(node: ContainerNode) -> int:
    return sum(
        _tensor_count(child) if isinstance(child, ContainerNode) else isinstance(child, TensorNode)
        for _, child in node.children
    )


def _short(kind: str) -> str:
    """``IntermediateTensors`` for ``vllm.sequence.IntermediateTensors``."""
    return kind.rpartition(".")[2]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
