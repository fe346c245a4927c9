"""How Dynamo writes guards, the sources of values, and the comments behind them (torch 2.13).

The one home of that wording: everybody else gets fields.  Text in, values out; no torch is needed.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from steadygraph.model import Asks, Aspect, Subject

# --- ids and counters --------------------------------------------------------------------------------------

#: Where Dynamo itself writes one: other numbers of that size are the user's.  Objects are asked by their ids, and kept
#: among the globals under names with them: ``_140426832516880_c13``.
_ADDRESS = re.compile(
    r"(?<![0-9A-Za-z])0x[0-9a-fA-F]{6,}(?![0-9A-Za-z])|(?<=_)\d{12,}(?=(?:_\d{12,})?_c\d)"
    r"|(?:(?<=__dtensor_spec_)|(?<=torch_obj_))\d{12,}"
)
_ASKED_BY_ID = re.compile(r"(?P<asked>check_(?:obj|type)_id\([^\n]{1,2000}?, )\d{6,}(?=\))")
#: How many there were before, in this process: ``__builtins_dict___6``, ``_<id>_c13``.
_COUNTER = re.compile(r"(?P<name>\b__builtins_dict___|_<id>_c)\d+(?:[/_]\d+)*")


def without_addresses(text: str) -> str:
    """Guard text without the ids of objects, which differ from run to run, and without what Dynamo has counted."""
    text = _ASKED_BY_ID.sub(r"\g<asked><id>", _ADDRESS.sub("<id>", text))
    return _COUNTER.sub(r"\g<name><n>", text)


# --- sources: where a value comes from ----------------------------------------------------------------------

_LOCAL = re.compile(r"L\['(\w+)'\]")
_GLOBAL = re.compile(r"G\['(\w+)'\]")
#: A name of a Python file: ``G['STEP']`` or, seen from another file, ``G['__import_model'].STEP``.
_GLOBAL_NAME = re.compile(r"G\['__import_\w+'\]\.\w+|G\['\w+'\]")
#: What lay on Python's stack at a graph break: ``L['___stack0']``.
_STACK = "L['___stack"
_MODULE_ENTRY = re.compile(r"\._(?:modules|parameters|buffers)\['(\w+)'\]")
_ATTRIBUTE_ENTRY = re.compile(r"\.__dict__\['(\w+)'\]")
#: Dicts that only store the attributes of an object: their owner is the object.
_STORES = (".__dict__", "._modules", "._parameters", "._buffers")
_STORED = re.compile(r"\.(?:__dict__|_modules|_parameters|_buffers)(?=$|[.\[])")
_LAST_ACCESSOR = re.compile(r"(\.\w+(\(\))?|\[[^\[\]]*\])$")
_DICT_KEY = re.compile(r"list\(dict\.keys\((?P<dict>.*)\)\)\[\d+\]")
_DIMENSION = re.compile(r"\.(?:size|stride)\(\)\[\d+\]$")
_IN_TEXT = re.compile(r"L\[[^,)\s]*")


def root_local(source: str) -> str | None:
    """The local variable that a source starts from."""
    found = _LOCAL.search(source)
    return found[1] if found else None


def parent(source: str) -> str:
    """The expression of the object that holds the value: ``L['self'].cache.seen`` -> ``L['self'].cache``."""
    stripped = _LAST_ACCESSOR.sub("", source)
    for store in _STORES:
        stripped = stripped.removesuffix(store)
    return stripped


def leads_to(source: str, other: str) -> bool:
    """Does the value of a source hold the other one, or is it that?"""
    start, end = (_STORED.sub("", readable(text)) for text in (source, other))
    return end == start or end.startswith((f"{start}.", f"{start}["))


def tensor_of(source: str) -> str:
    """``L['x'].size()[0]`` -> ``L['x']``."""
    return _DIMENSION.sub("", source)


def dict_of_key(source: str) -> str | None:
    """The dict, for the key at a position of one (``list(dict.keys(L['d']))[0]``); None for any other source."""
    found = _DICT_KEY.fullmatch(source)
    return found["dict"] if found else None


def subject(source: str, variables: Sequence[str] = ()) -> Subject:
    """What the value is to the code that reads it, which closes over ``variables``."""
    if source.startswith(_STACK):
        return Subject.STACK
    if root_local(source) in variables:
        return Subject.VARIABLE
    return Subject.GLOBAL_NAME if _GLOBAL_NAME.fullmatch(source) else Subject.PATH


def readable(text: str) -> str:
    """Sources as the user writes them: ``L['self']._modules['layers']._modules['0'].step`` -> ``self.layers[0].step``.

    ``text`` may be one source or a condition on several.
    """
    text = _MODULE_ENTRY.sub(lambda m: f"[{m[1]}]" if m[1].isdigit() else f".{m[1]}", text)
    text = _ATTRIBUTE_ENTRY.sub(r".\1", text)
    text = text.replace(".size()", ".shape").replace(".stride()", ".stride")
    return _GLOBAL.sub(r"\1", _LOCAL.sub(r"\1", text))


def keyword_named(text: str, var_kwargs: str) -> str:
    """Entries of ``**kwargs`` by their own names: ``L['kwargs']['x']`` -> ``x``."""
    return re.sub(rf"L\['{var_kwargs}'\]\['(\w+)'\]", r"\1", text)


def position_named(text: str, var_args: str, name: Callable[[int], str]) -> str:
    """Entries of ``*args`` by the names of their positions: ``L['args'][0]`` -> ``name(0)``."""
    return re.sub(rf"L\['{var_args}'\]\[(\d+)\]", lambda found: name(int(found[1])), text)


def receiver_named(text: str, variables: Sequence[str], name: str) -> str:
    """What a method in a variable is bound to, by the method's word: ``L['fn'].__self__.pos`` -> ``L['self'].pos``."""
    return _bound_to(variables).sub(f"L['{name}']", text)


def is_bound(source: str, variables: Sequence[str]) -> bool:
    """Does a source start from what a method in one of these variables is bound to?"""
    return bool(variables) and _bound_to(variables).match(source) is not None


def _bound_to(variables: Sequence[str]) -> re.Pattern[str]:
    names = "|".join(map(re.escape, variables))
    return re.compile(rf"L\['(?:{names})'\](?:\.__closure__\[\d+\]\.cell_contents)*\.__self__")


def named_in(text: str) -> str:
    """The first source in a text that names some; empty if it names none."""
    found = _IN_TEXT.search(text)
    return found[0] if found else ""


def global_name(source: str) -> tuple[str, str] | None:
    """The name of a global variable, and what is read of it: ``G['CONFIG'].scale`` -> ``CONFIG``, ``.scale``."""
    found = _GLOBAL.match(source)
    return (found[1], source[found.end() :]) if found else None


def is_imported(name: str) -> bool:
    """Is a global of this name a Python file that Dynamo has imported itself, whose names are its attributes?"""
    return name.startswith("__import_")


# --- a guard's text and the comment behind it ---------------------------------------------------------------

_COMMENT = re.compile(r"\s+# ")
#: ``# return x * 2  # folder/model.py:12 in forward (...)``; a range has one for each bound, with "and" between them.
_PLACE = re.compile(r"# (?P<path>\S+):(?P<line>\d+) in (?P<function>\S+)")
#: How Dynamo says that two sizes that it keeps as one symbol were only equal by chance.
_BY_CHANCE = "duck sizing added this"


@dataclass(frozen=True, slots=True)
class Place:
    """A line that made a guard; the front of its path is cut off."""

    path: str
    line: int
    function: str


def expression(part: str) -> str:
    """A guard's text without the comment behind it."""
    return _COMMENT.split(part)[0]


def places(part: str) -> list[Place]:
    """The lines that Dynamo names behind a guard: for a range those of the lower and of the upper bound."""
    return [Place(found["path"], int(found["line"]), found["function"]) for found in _PLACE.finditer(part)]


def is_by_chance(part: str) -> bool:
    """Does the comment say that no code asked for the equality?"""
    return _BY_CHANCE in part


#: The kinds of guards that have a reading of their own: everything that a tensor looks like, all keys of a dict, all
#: conditions on symbols, inputs that are one object.
TENSOR, KEYS, SYMBOLS, ONE_OBJECT = "TENSOR_MATCH", "DICT_KEYS_MATCH", "SHAPE_ENV", "OBJECT_ALIASING"

# --- conditions on one value --------------------------------------------------------------------------------

#: Class of a leaf guard -> what it asks for, and in what respect a value differs that does not satisfy it.
_LEAVES = {
    "NONE_MATCH": (Asks.IS_NONE, Aspect.NONE),
    "NOT_NONE": (Asks.NOT_NONE, Aspect.NONE),
    "TYPE_MATCH": (Asks.TYPE, Aspect.TYPE),
    "FAKE_SCRIPT_TYPE_MATCH": (Asks.TYPE, Aspect.TYPE),
    "EQUALS_MATCH": (Asks.VALUE, Aspect.VALUE),
    "TRUE_MATCH": (Asks.VALUE, Aspect.VALUE),
    "FALSE_MATCH": (Asks.VALUE, Aspect.VALUE),
    "FLOAT_IS_NAN": (Asks.VALUE, Aspect.VALUE),
    "COMPLEX_IS_NAN": (Asks.VALUE, Aspect.VALUE),
    "RANGE_ITERATOR_MATCH": (Asks.VALUE, Aspect.VALUE),
    "LENGTH_CHECK": (Asks.LENGTH, Aspect.LENGTH),
    "DICT_LENGTH": (Asks.LENGTH, Aspect.LENGTH),
    "TUPLE_ITERATOR_LEN": (Asks.LENGTH, Aspect.LENGTH),
    "MAPPING_KEYS_MATCH": (Asks.KEYS, Aspect.KEYS),
    "DICT_CONTAINS": (Asks.KEYS, Aspect.KEYS),
    "SET_CONTAINS": (Asks.KEYS, Aspect.KEYS),
    "NO_HASATTR": (Asks.NO_ATTRIBUTE, Aspect.PRESENCE),
    "ID_MATCH": (Asks.IDENTITY, Aspect.IDENTITY),
    "DICT_VERSION": (Asks.OTHER, Aspect.OTHER),
    "OBJECT_ALIASING": (Asks.SAME_OBJECT, Aspect.ALIASING),
    "NO_TENSOR_ALIASING": (Asks.ALIASING, Aspect.ALIASING),
    "STORAGE_OVERLAPPING": (Asks.ALIASING, Aspect.ALIASING),
}
_TYPE_NAME = re.compile(r"type=<class '(?P<name>[^']+)'>")
_CONTAINS = (
    re.compile(r"(?P<absent>not )?___dict_contains\((?P<key>'[^']*'|[^,]*), .*\)"),
    re.compile(r"(?P<absent>not )?set\.__contains__\(.*, (?P<key>'[^']*'|[^,]*)\)"),
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a condition on one value wants: a readable value, the name of its type ("" if unknown), perhaps a key."""

    asks: Asks
    aspect: Aspect
    value: str
    type: str = ""
    key: str = ""


def wanted(kind: str, text: str) -> Wanted:
    """What a leaf guard of this class wants, by its text."""
    asks, aspect = _LEAVES.get(kind, (Asks.OTHER, Aspect.OTHER))
    value, type_name = _value(kind, text)
    if value == "None":
        return Wanted(Asks.IS_NONE, Aspect.NONE, value, type_name)
    for pattern in _CONTAINS if asks is Asks.KEYS else ():
        if found := pattern.fullmatch(value):
            asks = Asks.LACKS_KEY if found["absent"] else Asks.HAS_KEY
            return Wanted(asks, aspect, value, type_name, found["key"])
    return Wanted(asks, aspect, value, type_name)


def wanted_keys(text: str) -> Wanted:
    """What the text of a guard on all keys of a dict wants: their number, none at all, or just these."""
    if text.startswith("len("):
        return Wanted(Asks.LENGTH, Aspect.LENGTH, right_side(text))
    return Wanted(Asks.EMPTY if text.startswith("not ") else Asks.KEYS, Aspect.KEYS, right_side(text))


def is_on_keys(kind: str) -> bool:
    """Does the guard manager of a dict check this itself, without a leaf?"""
    return kind.startswith("DICT_KEYS")


def right_side(text: str) -> str:
    """What a condition compares with: ``4`` of ``L['x'] == 4``."""
    return text.partition(" == ")[2].strip() or text


def _value(kind: str, text: str) -> tuple[str, str]:
    if kind == "NONE_MATCH":
        return "None", "NoneType"
    if kind in ("TRUE_MATCH", "FALSE_MATCH"):
        return kind.removesuffix("_MATCH").capitalize(), "bool"
    named = _TYPE_NAME.search(text)
    if named is not None:
        short = named["name"].rpartition(".")[2]
        return ("None" if short == "NoneType" else short), short
    if kind == "LENGTH_CHECK" and text.startswith("not "):  # how Dynamo writes "is empty"
        return "0", "int"
    right = right_side(text)
    try:
        return right, type(ast.literal_eval(right)).__name__
    except (ValueError, SyntaxError):
        return right, ""


# --- conditions between several values ----------------------------------------------------------------------

#: Two inputs that are one object; they stand among the conditions on sizes.
_ALIASES = re.compile(r"(?P<one>[LG]\[\S+) is (?P<other>[LG]\[\S+)")
_SIZE_TERM = re.compile(r"L\[[^=<>!+*/%]*?\.(?:size|stride)\(\)\[(?P<dim>\d+)\]")
#: An int in a condition: an argument, or an entry of one.
_NUMBER_TERM = re.compile(r"L\['\w+'\](?:\[[^\[\]]*\]|\.\w+)*")
_NUMBER = re.compile(r"(?<![\w.])\d+(?![\w.])")
_NO_ATTRIBUTE = re.compile(r"not (?:hasattr\(.*, '(\w+)'\)|___dict_contains\('(\w+)', .*\.__dict__\))")
_EQUALITY = re.compile(r"[LG]\[\S+ == [LG]\[\S+")
#: The left half of ``2 <= L['x'].size()[0] <= 8``.
_LOWER_BOUND = re.compile(r"\d+ <=? [^<>=]+(?= <)")
_ANY_SIZE = r"[LG]\[[^\s=<>!+*/%]+"
_FROM_TWO = re.compile(rf"2 <= {_ANY_SIZE}(?: <=? \d+)?|1 < {_ANY_SIZE}|{_ANY_SIZE} (?:!= [01]|>= 2|> 1)")


@dataclass(frozen=True, slots=True)
class SourceTerm:
    """A size, a stride or a number that a condition is about."""

    source: str
    #: Which dimension of a tensor; None for a number.
    dim: int | None = None


def aliases(text: str) -> tuple[str, str] | None:
    """The two sources, for the condition that they are one object."""
    found = _ALIASES.fullmatch(text)
    return (found["one"], found["other"]) if found else None


def terms(text: str) -> list[SourceTerm]:
    """The sizes and strides that a condition is about; the numbers if there are none."""
    sizes = [SourceTerm(found[0], int(found["dim"])) for found in _SIZE_TERM.finditer(text)]
    return sizes or [SourceTerm(found[0]) for found in _NUMBER_TERM.finditer(text)]


def is_stride(source: str) -> bool:
    return ".stride()" in source


def sizes_asked(text: str) -> list[int]:
    """The numbers in a condition on sizes; none where it is about anything else."""
    return [int(number) for number in _NUMBER.findall(text)] if ".size()" in text else []


def attribute_asked(text: str) -> str | None:
    """The name of the attribute, where a condition is that an object has none of it."""
    found = _NO_ATTRIBUTE.search(text)
    return (found[1] or found[2]) if found else None


def is_distance(text: str) -> bool:
    """Does a condition hold a size against where another tensor begins in the memory of both?"""
    return ".storage_offset()" in text and ".size()" in text


def is_equality(text: str) -> bool:
    """Does a condition say that two sizes are equal?"""
    return _EQUALITY.fullmatch(text) is not None


def from_two(term: str) -> str:
    """The condition that a size is neither 0 nor 1, as Dynamo writes it."""
    return f"2 <= {term}"


def lower_half(text: str) -> str | None:
    """The lower bound alone of a range with two bounds."""
    found = _LOWER_BOUND.match(text)
    return found[0] if found else None


def relation(text: str) -> Asks:
    """What a condition on symbols asks for."""
    if is_stride(text):
        return Asks.STRIDE_RELATION
    if ".size()" not in text:
        return Asks.NUMBER_RELATION
    if _FROM_TWO.fullmatch(text):
        return Asks.SIZE_FROM_TWO
    return Asks.EQUAL_SIZES if is_equality(text) else Asks.SIZE_RELATION


# --- tensors ------------------------------------------------------------------------------------------------

_CHECK = re.compile(
    r"check_tensor\(.*?, (?P<type>[\w.]+), DispatchKeySet\((?P<keys>[^)]*)\), (?P<dtype>torch\.\w+), "
    r"device=(?P<index>\w+), requires_grad=(?P<grad>\w+), size=(?P<size>\[.*?\]), stride=(?P<stride>\[.*?\])\)"
)


@dataclass(frozen=True, slots=True)
class ExpectedTensor:
    """What a tensor guard wants to see; ``None`` sizes and strides are free."""

    type: str
    keys: tuple[str, ...]
    dtype: str
    device_index: str
    requires_grad: bool
    size: tuple[int | None, ...]
    stride: tuple[int | None, ...]

    @property
    def device(self) -> str:
        backend = self.keys[0].lower() if self.keys else "cpu"
        return backend if self.device_index == "None" else f"{backend}:{self.device_index}"

    def __str__(self) -> str:
        sizes = ", ".join("*" if s is None else str(s) for s in self.size)
        return f"{self.dtype}[{sizes}] on {self.device}"


def expected_tensor(text: str) -> ExpectedTensor | None:
    """The expectation in a tensor guard's text, which has everything; None if this release words it otherwise::

    check_tensor(L['x'], Tensor, DispatchKeySet(CPU, ...), torch.float32, device=None, requires_grad=False,
                 size=[None, 8], stride=[8, 1])
    """
    found = _CHECK.search(text)
    if found is None:
        return None
    try:
        size, stride = ast.literal_eval(found["size"]), ast.literal_eval(found["stride"])
    except (ValueError, SyntaxError):  # symbolic sizes are written as expressions
        size, stride = (), ()
    return ExpectedTensor(
        type=found["type"],
        keys=tuple(key.strip() for key in found["keys"].split(",")),
        dtype=found["dtype"],
        device_index=found["index"],
        requires_grad=found["grad"] == "True",
        size=tuple(size),
        stride=tuple(stride),
    )


def said(source: str, kind: str, text: str) -> str:
    """What a guard asks, in the words of the user: ``deepstack is None``, ``deepstack is of type dict``."""
    subject, text = readable(source), expression(text)
    if kind == TENSOR:
        return f"{subject} is a tensor as it was (dtype, device, strides, fixed sizes)"
    named = _TYPE_NAME.search(text)
    if named is not None and text.startswith("___check_type_id("):
        return f"{subject} is of type {named['name'].rpartition('.')[2]}"
    return readable(text) if text else f"{kind} {subject}".rstrip()


# --- relations that Dynamo alone can ask --------------------------------------------------------------------


def is_on_memory(text: str) -> bool:
    """Is a guard between several values one on memory that they share?"""
    return "alias" in text.lower() or "Duplicate tensor" in text
