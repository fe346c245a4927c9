"""The JSON schema of a report.  Write the committed one anew with::

python -m steadygraph.report.json.schema
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from steadygraph.report.json.codec import LEFT_OUT, SCHEMA_VERSION, Document
from steadygraph.report.json.values import WITH_ERROR, schema

SCHEMA_FILE = Path(__file__).with_name("schema") / f"report-v{SCHEMA_VERSION}.json"

#: What the name of a field leaves open, by class.
_DESCRIPTIONS: Mapping[str, Mapping[str, str]] = {
    "CaseReport": {
        "lock_changes": "they count as warnings",
        "graphs": "the graphs that calls name, each once",
        "sources": "source lines around the findings",
        "location": "where the class of the model stands",
    },
    "Finding": {
        "fingerprint": "the same as long as rule, scenario, region and path are",
        "also": "paths of the other violated guards that are the same defect",
        "allowed": "why the case accepts it; null: it does not, so it counts",
        "clauses": "the message in pieces; those behind the first can be left out, the last one first",
        "says_change": "whether the message says path and both values; null: if they stand in it as they are",
        "says_error": "the exception that the message tells; empty: none; null: any that stands in it",
        "lacks": "how the graphs differ, if they do and the finding has to do with it",
        "policies": "the worst that it leads to under each policy",
    },
    "Graph": {
        "code": "what became of the frame's bytecode, as Python; empty: not known",
        "effects": "positions of nodes that do more than give a value",
    },
    "GraphChange": {"reach": "null: the graphs are the same, or it is not known"},
    "GraphInput": {"name": "readable path", "source": "Dynamo's own expression"},
    "GraphNode": {
        "name": "operator of a call, readable path of an input",
        "inputs": "positions of other nodes of the same graph",
        "value": "dtype and shape, as in float32[2, s0, 8]",
        "line": "position in the lines of the graph",
        "bodies": "digests of the graphs that a higher-order operator runs",
        "digest": "of operator and constants, whatever the inputs are; empty: not known",
    },
    "GraphOutput": {
        "position": "counted from 0",
        "value": "dtype and shape, as in float32[2, s0, 8]; empty: no tensor",
    },
    "Location": {
        "path": "relative to the project root, or starting at a package; never absolute",
        "line": "counted from 1",
        "text": "the line itself, stripped",
        "outside": "whether the file is none of the project: an installed package, for one",
    },
    "Outcome": {
        "as_eager": "wrong as eager mode is after the same calls; a fresh model gives another result",
        "since": "what an earlier call, under the same policy, left behind, without which this one is right",
    },
    "Reach": {"outputs": "how many values the graph returns"},
    "Region": {
        "name": "its name in the model; empty for the model itself, of a function its qualified name",
        "compiled_by": "the deployment, or the model's own code, which keeps its options under every policy",
    },
    "RegionCall": {
        "graphs": "digests of the graphs that ran, in that order",
        "guards": "digest of the guards made in this call; empty: nothing was compiled",
        "guard_types": "how many guards of each type were made in this call",
    },
    "RuleProblem": {
        "rule": "code of the rule, or entry point of the pack",
        "selected": "whether it was asked for, which makes the exit code 3",
    },
    "ScenarioReport": {
        "calls": "calls of regions, in the order in which they ended",
        "leak": "null: eager mode is right; else the calls are independent requests, and earlier ones show in this one",
    },
    "SourceExcerpt": {"first_line": "counted from 1"},
    "TensorSpec": {"shape": "a symbolic size is its text", "stride": "in elements"},
    "Totals": {
        "findings": "accepted findings are not counted",
        "accepted": "findings that their case accepts",
    },
    "ViolatedGuard": {
        "source": "Dynamo's own expression",
        "matters": "whether the graph of the serving call differs; null: not known",
        "path": "the source in the words of the call",
        "frame": "function that made the guard, if it is compiled apart from the region's forward",
        "checked": "who looks at the guard when the call is made",
    },
}
_NON_FINITE_ERROR = {
    "anyOf": [{"enum": ["inf", "nan"], "type": "string"}, {"type": "null"}],
    "default": None,
    "description": "max_abs_error where it is not finite",
    "title": "Non Finite Error",
}


def json_schema() -> dict[str, Any]:
    """The JSON schema (draft 2020-12) of what ``to_json`` writes."""
    made = GenerateJsonSchema().generate(schema(Document, LEFT_OUT), mode="serialization")
    for part in made["$defs"].values():
        if "description" in part:  # the first paragraph of a docstring
            part["description"] = " ".join(part["description"].partition("\n\n")[0].split())
    for name, descriptions in _DESCRIPTIONS.items():
        for field, description in descriptions.items():
            made["$defs"][name]["properties"][field]["description"] = description
    for part in (made["$defs"][kind.__name__]["properties"] for kind in WITH_ERROR):
        part["max_abs_error"]["description"] = "null also where it is not finite: see non_finite_error"
        part["non_finite_error"] = _NON_FINITE_ERROR
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | made | {"title": "steadygraph report"}


def schema_text() -> str:
    """The committed form of :func:`json_schema`."""
    return json.dumps(json_schema(), indent=2, sort_keys=True) + "\n"


if __name__ == "__main__":
    SCHEMA_FILE.parent.mkdir(exist_ok=True)
    SCHEMA_FILE.write_text(schema_text(), encoding="utf-8")
