"""Frozen values of the model as JSON and back: one adapter per type, made from the fields that its dataclasses have.

A value is read exactly as it was written.  What JSON cannot say in the types of the model is said otherwise:
(name, value) pairs are an object, and what is neither a number nor null goes into a field of its own.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import SchemaSerializer, SchemaValidator, core_schema

from steadygraph.model import (
    CaseReport,
    ContainerNode,
    CycleNode,
    Failure,
    Finding,
    Graph,
    GraphChange,
    GraphNode,
    Leak,
    NoneNode,
    OpaqueNode,
    Outcome,
    Problem,
    Region,
    RegionCall,
    ScenarioReport,
    Sensitivity,
    TensorNode,
    ValueNode,
    ViolatedGuard,
    WrongInEager,
)
from steadygraph.model.budget import GuardSet

Schema = dict[str, Any]
#: (class, name) of fields.
Fields = frozenset[tuple[type, str]]

#: Fields that every report has had, in the order in which they are written.  The model gives them a default; who
#: writes JSON does not.
FIRST: Mapping[type, tuple[str, ...]] = {
    CaseReport: ("target", "status", "error", "duration_s", "regions", "scenarios", "findings"),
    Failure: ("type", "message", "location"),
    GraphChange: ("same", "missing_inputs", "missing_ops", "extra_ops"),
    GraphNode: ("kind", "name", "inputs"),
    Outcome: ("policy", "backend", "result", "max_abs_error", "recompiles", "error", "predicted"),
    Problem: ("type", "message", "hint"),
    Region: ("name", "location", "guards", "graphs", "graph_breaks"),
    ScenarioReport: ("name", "differences", "violated_guards", "graph", "outcomes"),
    ViolatedGuard: ("source", "guard_type", "expected", "actual", "location", "matters", "path", "aspect", "owner"),
}
#: (name, value) pairs in the model, objects in JSON.
OBJECTS: Mapping[type, tuple[str, ...]] = {
    Finding: ("policies",),
    Graph: ("ops",),
    GraphChange: ("missing_ops", "extra_ops"),
    RegionCall: ("guard_types",),
}
#: They are told apart by their fields, so that none of them may have one of another.
_ALTERNATIVES = (NoneNode, TensorNode, ValueNode, ContainerNode, OpaqueNode, CycleNode)
#: What was measured: JSON has no number for what is not finite, and nobody measures that.
MEASURED: Mapping[type, tuple[str, ...]] = {
    CaseReport: ("duration_s",),
    GuardSet: ("us_per_call",),
    Sensitivity: ("duration_s", "beside_s"),
}
#: They have an error that need not be finite.
WITH_ERROR = (Outcome, Leak, WrongInEager)
_BEYOND_ASCII = re.compile(r"[^\x00-\x7e]+")


def written(kind: Any, value: object, *, indent: int | None = 2, without: Fields = frozenset()) -> str:
    """The value as JSON: ASCII, so that no encoding of a terminal or a file can spoil it.

    Args:
        kind: The type of the value, also one like ``tuple[Observation, ...]``.
        value: Dataclasses of the model, in tuples or not; lone surrogates are not allowed in its texts.
        indent: Blanks per level; None: all in one line.
        without: Fields that are left out; who reads the text gets their defaults.
    """
    # pydantic is ten times as fast as json.dumps.
    text = _serializer(kind, without).to_json(value, indent=indent, warnings=False).decode()
    return _BEYOND_ASCII.sub(lambda found: json.dumps(found[0])[1:-1], text)


def taken(kind: Any, value: object) -> Any:
    """The value of which :func:`written` made a text, in what ``json.loads`` made of that.

    Raises:
        pydantic.ValidationError: It is another one's.
    """
    return _validator(kind).validate_python(value)


def complaint(error: ValidationError) -> str:
    """The first thing that is wrong, and where: ``cases[0].findings[1].severity: Input should be ...``."""
    first = error.errors(include_url=False)[0]
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"]).lstrip(".")
    return f"{place}: {first['msg']}"


def complaint_of(error: ValueError) -> str:
    """The same of what :func:`taken` raises, for whoever does not know pydantic."""
    return complaint(error) if isinstance(error, ValidationError) else str(error)


@cache
def schema(kind: Any, without: Fields = frozenset()) -> Schema:
    """The core schema of pydantic for a type, with the forms of this module."""
    changed: Schema = _changed(TypeAdapter(kind).core_schema, without)
    return changed


@cache
def _serializer(kind: Any, without: Fields) -> SchemaSerializer:
    return SchemaSerializer(schema(kind, without))


@cache
def _validator(kind: Any) -> SchemaValidator:
    return SchemaValidator(schema(kind))


def _changed(part: Any, without: Fields) -> Any:
    """A core schema in which every dataclass has the form that this module gives it."""
    if isinstance(part, list):
        return [_changed(each, without) for each in part]
    if not isinstance(part, dict):
        return part
    part = {key: _changed(value, without) for key, value in part.items()}
    return _formed(part, without) if part.get("type") == "dataclass" else part


def _formed(part: Schema, without: Fields) -> Schema:
    cls, arguments = part["cls"], part["schema"]
    fields = {field["name"]: field for field in arguments["fields"]}
    for name in OBJECTS.get(cls, ()):
        fields[name]["schema"] = _within_default(fields[name]["schema"], _as_object)
    for name in FIRST.get(cls, ()):
        fields[name]["schema"] = _without_default(fields[name]["schema"])
    if cls is Finding:  # reports from before this field have messages that say it
        fields["says_change"]["schema"]["default"] = True
    for name in fields:
        fields[name]["serialization_exclude"] = (cls, name) in without
    order = dict.fromkeys((*FIRST.get(cls, ()), *fields))
    for name in MEASURED.get(cls, ()):
        fields[name]["schema"] = _within_default(fields[name]["schema"], _as_measured)
    arguments = {**arguments, "fields": [fields[name] for name in order]}
    if cls in _ALTERNATIVES:
        arguments["extra_behavior"] = "forbid"
    config = {**part["config"], "ser_json_inf_nan": "strings"}
    part = {**part, "schema": arguments, "fields": list(order), "config": config}
    return _with_error_in_words(part) if cls in WITH_ERROR else part


def _within_default(part: Schema, change: Callable[[Schema], Schema]) -> Schema:
    return {**part, "schema": change(part["schema"])} if part["type"] == "default" else change(part)


def _without_default(part: Schema) -> Schema:
    return part["schema"] if part["type"] == "default" else part


def _as_object(pairs: Schema) -> Schema:
    name, value = pairs["items_schema"][0]["items_schema"]
    form = core_schema.plain_serializer_function_ser_schema(
        dict, return_schema=core_schema.dict_schema(name, value), when_used="json"
    )
    return {**core_schema.no_info_before_validator_function(_pairs, pairs), "serialization": form}


def _as_measured(number: Schema) -> Schema:
    plain = core_schema.float_schema()
    written = core_schema.nullable_schema(plain) if number["type"] == "nullable" else plain
    form = core_schema.plain_serializer_function_ser_schema(_finite, return_schema=written, when_used="json")
    return {**number, "serialization": form}


def _finite(measured: float | None) -> float | None:
    return measured if measured is None or math.isfinite(measured) else 0.0


def _pairs(value: object) -> object:
    return tuple(value.items()) if isinstance(value, Mapping) else value


def _with_error_in_words(part: Schema) -> Schema:
    """JSON has no number for infinity: an error that is not finite is null, and a word in ``non_finite_error``."""
    form = core_schema.wrap_serializer_function_ser_schema(_error_in_words, when_used="json")
    # What several classes hold stands among the definitions, by its reference.
    reference = {"ref": part["ref"]} if "ref" in part else {}
    inner = {key: value for key, value in part.items() if key != "ref"} | {"serialization": form}
    return {**core_schema.no_info_before_validator_function(_error_as_number, inner), **reference}


def _error_in_words(value: Any, fields: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
    error = value.max_abs_error
    word = None if error is None or math.isfinite(error) else "nan" if math.isnan(error) else "inf"
    return fields(value) | {"max_abs_error": None if word else error, "non_finite_error": word}


def _error_as_number(value: object) -> object:
    if isinstance(value, dict) and value.get("non_finite_error") in ("inf", "nan"):
        return value | {"max_abs_error": float(value["non_finite_error"])}
    return value
