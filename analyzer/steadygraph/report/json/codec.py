"""The JSON form of a report, schema version 1: writing, reading, and the JSON schema of it.

The only file that imports pydantic.  The fields stand in the order of the documents below; within a schema version
fields may be added, but none goes or changes its meaning.  Write the committed schema anew with::

    python -m steadygraph.report.json.codec
"""

from __future__ import annotations

import dataclasses
import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from steadygraph.case.user_code import readable_path
from steadygraph.errors import UsageError
from steadygraph.model import (
    Aspect,
    CaseReport,
    Consequence,
    Kind,
    NodeKind,
    Outcome,
    Owner,
    Policy,
    Result,
    Severity,
    Status,
)
from steadygraph.model.run import FailOn, RunReport, Summary
from steadygraph.report import collector
from steadygraph.report.portable import portable

SCHEMA_VERSION: Literal[1] = 1
SCHEMA_FILE = Path(__file__).with_name("schema") / f"report-v{SCHEMA_VERSION}.json"


def _pairs(value: object) -> object:
    return tuple(value.items()) if isinstance(value, Mapping) else value


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


#: Sorted (operator, count) pairs in the model, an object in JSON.
Operators = Annotated[
    tuple[tuple[str, int], ...],
    BeforeValidator(_pairs),
    PlainSerializer(dict, return_type=dict[str, int], when_used="json"),
]
#: JSON has no number for infinity.
FiniteOrNull = Annotated[float | None, PlainSerializer(_finite, return_type=float | None, when_used="json")]
Duration = Annotated[float, PlainSerializer(lambda value: _finite(value) or 0.0, return_type=float, when_used="json")]


class _Document(BaseModel):
    model_config = ConfigDict(from_attributes=True, extra="ignore")


class LocationDocument(_Document):
    """A line of source."""

    path: str = Field(description="relative to the project root, or starting at a package; never absolute")
    line: int = Field(description="counted from 1")
    function: str
    text: str | None = Field(None, description="the line itself, stripped")
    outside: bool = Field(False, description="whether the file is none of the project: an installed package, for one")


class ProblemDocument(_Document):
    """Why a case has no result."""

    type: str
    message: str
    hint: str | None


class FailureDocument(_Document):
    """An exception that eager mode itself raised."""

    type: str
    message: str
    location: LocationDocument | None


class RegionDocument(_Document):
    """A compiled module."""

    name: str = Field(description="its name in the model; empty for the model itself")
    location: LocationDocument | None
    guards: int
    graphs: int
    graph_breaks: int


class DifferenceDocument(_Document):
    """One thing that is not the same at profile and at serving."""

    path: str
    aspect: Aspect
    profile: str
    serving: str
    region: str = ""


class ViolatedGuardDocument(_Document):
    """A guard of the profile call that the serving call does not satisfy."""

    source: str = Field(description="Dynamo's own expression")
    guard_type: str
    expected: str
    actual: str
    location: LocationDocument | None
    matters: bool | None = Field(description="whether the graph of the serving call differs; null: not known")
    path: str = Field(description="the source in the words of the call")
    aspect: Aspect
    owner: Owner
    expected_type: str = ""
    actual_type: str = ""
    dim: int | None = None
    region: str = ""
    frame: str = Field(
        "", description="function that made the guard, if it is compiled apart from the region's forward"
    )


class GraphOutputDocument(_Document):
    """One of the values that a graph returns."""

    position: int = Field(description="counted from 0")
    value: str = Field(description="dtype and shape, as in float32[2, s0, 8]; empty: no tensor")


class ReachDocument(_Document):
    """Which outputs of the serving graph are not what the profile graph would return."""

    outputs: int = Field(description="how many values the graph returns")
    reached: tuple[GraphOutputDocument, ...]


class GraphDocument(_Document):
    """What the profile graphs lack, and what only they have."""

    same: bool | None
    missing_inputs: tuple[str, ...]
    missing_ops: Operators
    extra_ops: Operators
    reach: ReachDocument | None = Field(None, description="null: the graphs are the same, or it is not known")


class OutcomeDocument(_Document):
    """What the scenario did under one policy."""

    policy: Policy
    backend: str
    result: Result
    max_abs_error: FiniteOrNull = Field(description="null also where it is not finite: see non_finite_error")
    recompiles: int | None
    error: str | None
    predicted: Result | None
    non_finite_error: Literal["inf", "nan"] | None = Field(None, description="max_abs_error where it is not finite")

    @model_validator(mode="before")
    @classmethod
    def _carry_what_json_cannot(cls, value: Any) -> Any:
        if isinstance(value, Outcome):
            error = value.max_abs_error
            special = None if error is None or math.isfinite(error) else "nan" if math.isnan(error) else "inf"
            # Not asdict: it goes into every value, which took half of the time of a large report.
            known = {each.name: getattr(value, each.name) for each in dataclasses.fields(value)}
            return known | {"non_finite_error": special}
        if isinstance(value, dict) and value.get("non_finite_error") in ("inf", "nan"):
            return value | {"max_abs_error": float(value["non_finite_error"])}
        return value


class RegionCallDocument(_Document):
    """One call of one region."""

    region: str
    graphs: tuple[str, ...] = Field((), description="digests of the graphs that ran, in that order")
    guards: str = Field("", description="digest of the guards made in this call; empty: nothing was compiled")
    guard_types: Operators = Field((), description="how many guards of each type were made in this call")


class ScenarioDocument(_Document):
    """One call; the first is the profile call."""

    name: str
    differences: tuple[DifferenceDocument, ...]
    violated_guards: tuple[ViolatedGuardDocument, ...]
    graph: GraphDocument
    outcomes: tuple[OutcomeDocument, ...]
    eager_error: FailureDocument | None = None
    calls: tuple[RegionCallDocument, ...] = Field((), description="calls of regions, in the order in which they ended")


class FindingDocument(_Document):
    """What a rule says about one scenario."""

    rule: str
    name: str
    kind: Kind
    severity: Severity
    scenario: str
    region: str
    consequence: Consequence
    message: str
    location: LocationDocument | None
    fix: str
    fingerprint: str = Field(description="the same as long as rule, scenario, region and cause are")
    path: str = ""
    profile: str = ""
    serving: str = ""
    also: tuple[str, ...] = Field((), description="paths of the other violated guards that are the same defect")
    allowed: str | None = Field(None, description="why the case accepts it; null: it does not, so it counts")


class RuleProblemDocument(_Document):
    """A rule that failed, or a pack of rules that cannot be used."""

    rule: str = Field(description="code of the rule, or entry point of the pack")
    message: str
    selected: bool = Field(False, description="whether it was asked for, which makes the exit code 3")


class TensorDocument(_Document):
    """What a tensor looks like."""

    shape: tuple[int | str, ...] = Field(description="a symbolic size is its text")
    dtype: str
    device: str
    stride: tuple[int | str, ...] = Field(description="in elements")
    requires_grad: bool
    layout: str = "torch.strided"
    subclass: str = "torch.Tensor"


class GraphInputDocument(_Document):
    """A placeholder of a graph."""

    name: str = Field(description="readable path")
    source: str = Field(description="Dynamo's own expression")
    spec: TensorDocument | None


class GraphNodeDocument(_Document):
    """One node of a graph."""

    kind: NodeKind
    name: str = Field(description="operator of a call, readable path of an input")
    inputs: tuple[int, ...] = Field(description="positions of other nodes of the same graph")
    value: str = Field("", description="dtype and shape, as in float32[2, s0, 8]")
    line: int | None = Field(None, description="position in the lines of the graph")
    bodies: tuple[str, ...] = Field((), description="digests of the graphs that a higher-order operator runs")
    digest: str = Field("", description="of operator and constants, whatever the inputs are; empty: not known")


class GraphBodyDocument(_Document):
    """A graph that a higher-order operator of another one runs."""

    digest: str
    nodes: tuple[GraphNodeDocument, ...]
    lines: tuple[LocationDocument, ...]


class GraphListingDocument(_Document):
    """A captured graph; equal digests stand for equal graphs."""

    digest: str
    ops: Operators
    inputs: tuple[GraphInputDocument, ...]
    frame: LocationDocument
    blocking: tuple[LocationDocument, ...] = ()
    nodes: tuple[GraphNodeDocument, ...] = ()
    lines: tuple[LocationDocument, ...] = ()
    bodies: tuple[GraphBodyDocument, ...] = ()
    code: str = Field("", description="what became of the frame's bytecode, as Python; empty: not known")
    effects: tuple[int, ...] = Field((), description="positions of nodes that do more than give a value")


class SourceExcerptDocument(_Document):
    """Some lines around places that findings name."""

    path: str
    first_line: int = Field(description="counted from 1")
    lines: tuple[str, ...]


class LockChangeDocument(_Document):
    """A call whose graphs or guards are not those that a baseline locks."""

    scenario: str
    message: str


class CaseDocument(_Document):
    """One target."""

    target: str
    status: Status
    error: ProblemDocument | None
    duration_s: Duration
    regions: tuple[RegionDocument, ...]
    scenarios: tuple[ScenarioDocument, ...]
    findings: tuple[FindingDocument, ...]
    notes: tuple[str, ...] = ()
    rule_problems: tuple[RuleProblemDocument, ...] = ()
    lock_changes: tuple[LockChangeDocument, ...] = Field((), description="they count as warnings")
    graphs: tuple[GraphListingDocument, ...] = Field((), description="the graphs that calls name, each once")
    sources: tuple[SourceExcerptDocument, ...] = Field((), description="source lines around the findings")
    location: LocationDocument | None = Field(None, description="where the class of the model stands")


class ToolDocument(_Document):
    name: Literal["steadygraph"]
    version: str


class CountsDocument(_Document):
    error: int
    warning: int
    note: int


class SummaryDocument(_Document):
    cases: int
    findings: CountsDocument = Field(description="accepted findings are not counted")
    exit_code: int
    fail_on: FailOn = "warning"
    interrupted: bool = False
    accepted: int = Field(0, description="findings that their case accepts")


class ReportDocument(_Document):
    """A report of steadygraph, schema version 1."""

    schema_version: Literal[1]
    tool: ToolDocument
    environment: dict[str, str]
    cases: tuple[CaseDocument, ...]
    summary: SummaryDocument


_BEYOND_ASCII = re.compile(r"[^\x00-\x7e]+")
_WRITTEN = "name a report that --format json wrote"
#: How a document without cases says so; no other part of it is a list.
_NO_CASES = '  "cases": []'
_CASES = TypeAdapter(tuple[CaseReport, ...])


@collector.paused()
def to_json(report: RunReport, root: Path | None = None) -> str:
    """A report as JSON: the same bytes for the same findings, apart from ``duration_s``.

    Args:
        report: Any report.
        root: The project root, which paths become relative to; the current directory by default.

    Returns:
        ASCII text that ends in a newline, without tensor values, absolute paths of files, addresses of objects or
        secrets of the environment (see :mod:`steadygraph.report.portable`).
    """
    clean = portable(report, root)
    document = ReportDocument(
        schema_version=SCHEMA_VERSION,
        tool=ToolDocument(name="steadygraph", version=clean.tool_version),
        environment=dict(clean.environment),
        cases=(),
        summary=_summary(clean.summary, clean),
    )
    head, _, tail = _written(document).partition(_NO_CASES)
    # One by one: documents take several times the memory of their text.
    cases = [_written(CaseDocument.model_validate(case)).replace("\n", "\n    ") for case in clean.cases]
    separated = ",\n    ".join(cases)
    listed = f'  "cases": [\n    {separated}\n  ]' if cases else _NO_CASES
    return f"{head}{listed}{tail}\n"


def _written(document: BaseModel) -> str:
    """ASCII, so that no encoding of a terminal or a file can spoil it; pydantic is ten times as fast as json.dumps."""
    text = document.model_dump_json(indent=2)
    return _BEYOND_ASCII.sub(lambda found: json.dumps(found[0])[1:-1], text)


def _summary(summary: Summary, report: RunReport) -> SummaryDocument:
    return SummaryDocument(
        cases=summary.cases,
        findings=CountsDocument(error=summary.errors, warning=summary.warnings, note=summary.notes),
        exit_code=report.exit_code,
        fail_on=report.fail_on,
        interrupted=report.interrupted,
        accepted=summary.accepted,
    )


@collector.paused()
def from_json(text: str) -> RunReport:
    """The report that :func:`to_json` wrote; :func:`to_json` makes the same text of it.

    Raises:
        UsageError: The text is no JSON, no report of steadygraph, or of another schema version.
    """
    value = _loaded(text)
    if not isinstance(value, dict) or "schema_version" not in value:
        raise UsageError(
            "this JSON is not a report of steadygraph: it has no schema_version",
            hint="give a file that was written with --format json",
        )
    if value["schema_version"] != SCHEMA_VERSION:
        raise UsageError(
            f"the report has schema version {value['schema_version']!r:.40}, this steadygraph reads {SCHEMA_VERSION}",
            hint="read it with the version of steadygraph that wrote it, or analyse again",
        )
    try:
        document = ReportDocument.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"]).lstrip(".")
        raise UsageError(
            f"this JSON is not a report of steadygraph: {place}: {first['msg']}",
            hint="give a file that was written with --format json and not changed since",
        ) from None
    return RunReport(
        cases=_CASES.validate_python(document.model_dump()["cases"]),
        environment=document.environment,
        tool_version=document.tool.version,
        fail_on=document.summary.fail_on,
        interrupted=document.summary.interrupted,
    )


def read(file: Path) -> RunReport:
    """The report in a file.

    Raises:
        UsageError: The file cannot be read, or :func:`from_bytes` cannot make a report of it.
    """
    shown = readable_path(str(file))
    try:
        content = file.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {shown}: {error.strerror}", hint=_WRITTEN) from error
    return from_bytes(content, shown)


def from_bytes(content: bytes, name: str) -> RunReport:
    """The report in the content of a file; the name of the file is for complaints.

    Raises:
        UsageError: It is no text, or :func:`from_json` cannot make a report of it.
    """
    try:
        # What PowerShell writes starts with a byte order mark.
        return from_json(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise UsageError(f"{name} is not text in UTF-8", hint=_WRITTEN) from error
    except UsageError as error:
        raise UsageError(f"{name}: {error.problem}", hint=error.hint) from None


def _loaded(text: str) -> object:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise UsageError(
            f"the report is not JSON: line {error.lineno}, column {error.colno}: {error.msg}",
            hint="give a whole file that was written with --format json",
        ) from None
    except (ValueError, RecursionError) as error:
        raise UsageError(
            f"the report cannot be read: {error}", hint="give a file that was written with --format json"
        ) from None


def json_schema() -> dict[str, Any]:
    """The JSON schema (draft 2020-12) of what :func:`to_json` writes."""
    schema = ReportDocument.model_json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | schema | {"title": "steadygraph report"}


def schema_text() -> str:
    """The committed form of :func:`json_schema`."""
    return json.dumps(json_schema(), indent=2, sort_keys=True) + "\n"


if __name__ == "__main__":
    SCHEMA_FILE.parent.mkdir(exist_ok=True)
    SCHEMA_FILE.write_text(schema_text(), encoding="utf-8")
