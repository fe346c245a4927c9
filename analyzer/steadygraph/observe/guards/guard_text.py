"""What the text of Dynamo's guards says (torch 2.13): aspect, expected value, type; one home for foreign wording."""

from __future__ import annotations

import ast
import re

from steadygraph.model import Aspect

#: Also inside of the names under which Dynamo keeps objects among the globals: ``_140426832516880_c13``.
_ADDRESS = re.compile(r"(?<![0-9A-Za-z])(?:0x[0-9a-fA-F]{6,}|\d{12,})(?![0-9A-Za-z])")
#: How many there were before, in this process: ``__builtins_dict___6``, ``_<id>_c13``.
_COUNTER = re.compile(r"(?P<name>\b__builtins_dict___|_<id>_c)\d+(?:[/_]\d+)*")
_TYPE_NAME = re.compile(r"type=<class '(?P<name>[^']+)'>")
#: Class of a leaf guard -> in what respect a value differs that does not satisfy it.
ASPECTS = {
    "NONE_MATCH": Aspect.NONE,
    "NOT_NONE": Aspect.NONE,
    "TYPE_MATCH": Aspect.TYPE,
    "FAKE_SCRIPT_TYPE_MATCH": Aspect.TYPE,
    "EQUALS_MATCH": Aspect.VALUE,
    "TRUE_MATCH": Aspect.VALUE,
    "FALSE_MATCH": Aspect.VALUE,
    "FLOAT_IS_NAN": Aspect.VALUE,
    "COMPLEX_IS_NAN": Aspect.VALUE,
    "RANGE_ITERATOR_MATCH": Aspect.VALUE,
    "LENGTH_CHECK": Aspect.LENGTH,
    "DICT_LENGTH": Aspect.LENGTH,
    "TUPLE_ITERATOR_LEN": Aspect.LENGTH,
    "MAPPING_KEYS_MATCH": Aspect.KEYS,
    "DICT_CONTAINS": Aspect.KEYS,
    "SET_CONTAINS": Aspect.KEYS,
    "NO_HASATTR": Aspect.PRESENCE,
    "ID_MATCH": Aspect.IDENTITY,
    "DICT_VERSION": Aspect.OTHER,
    "OBJECT_ALIASING": Aspect.ALIASING,
    "NO_TENSOR_ALIASING": Aspect.ALIASING,
    "STORAGE_OVERLAPPING": Aspect.ALIASING,
}


def without_addresses(text: str) -> str:
    """Guard text without the ids of objects, which differ from run to run, and without what Dynamo has counted."""
    return _COUNTER.sub(r"\g<name><n>", _ADDRESS.sub("<id>", text))


def right_side(expression: str) -> str:
    """What a condition compares with: ``4`` of ``L['x'] == 4``."""
    return expression.partition(" == ")[2].strip() or expression


def expectation(leaf_type: str, text: str) -> tuple[str, str]:
    """The value that a leaf wants, and the name of its type."""
    if leaf_type == "NONE_MATCH":
        return "None", "NoneType"
    if leaf_type in ("TRUE_MATCH", "FALSE_MATCH"):
        return leaf_type.removesuffix("_MATCH").capitalize(), "bool"
    named = _TYPE_NAME.search(text)
    if named is not None:
        short = named["name"].rpartition(".")[2]
        return ("None" if short == "NoneType" else short), short
    if leaf_type == "LENGTH_CHECK" and text.startswith("not "):  # how Dynamo writes "is empty"
        return "0", "int"
    right = right_side(text)
    try:
        return right, type(ast.literal_eval(right)).__name__
    except (ValueError, SyntaxError):
        return right, ""
