"""What crosses from a worker to its parent: plain data, and whole."""

from __future__ import annotations

import enum
import pickle
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steadygraph.config import Settings
from steadygraph.model import CaseReport, Policy, Problem, Status
from steadygraph.workers import wire
from steadygraph.workers.order import Analyze, Order, Surroundings
from steadygraph.workers.pool import Request, run
from steadygraph.workers.wire import ForeignBytesError, Incoming, UnreadableReportError

from .conftest import Write

REPORT = CaseReport("case.py", Status.COMPLETED, 1.5, notes=("one", "two"))


#: Where a frame has its length: another one there makes it wait, or is too much.
LENGTH = range(len(wire._MAGIC), len(wire._MAGIC) + 8)


def received(*parts: bytes) -> bytes | None:
    incoming = Incoming()
    for part in parts:
        incoming.take(part)
    return incoming.payload


@given(st.binary(max_size=300), st.data())
def test_a_payload_arrives_in_whatever_pieces_it_comes(payload: bytes, data: st.DataObject) -> None:
    frame = wire.framed(payload)
    cut = data.draw(st.integers(0, len(frame)))

    assert received(frame[:cut], frame[cut:]) == payload
    assert received(frame, b"what a target writes after it") == payload


@given(st.binary(min_size=1, max_size=60), st.data())
def test_a_byte_that_is_another_is_seen(payload: bytes, data: st.DataObject) -> None:
    frame = bytearray(wire.framed(payload))
    position = data.draw(st.sampled_from([n for n in range(len(frame)) if n not in LENGTH]))
    frame[position] ^= data.draw(st.integers(1, 255))

    with pytest.raises(ForeignBytesError):
        received(bytes(frame))


def test_a_frame_that_is_too_long_is_refused_before_it_comes() -> None:
    head = wire.framed(b"")[: -wire._DIGEST_BYTES - 8] + (wire.MOST_BYTES + 1).to_bytes(8, "big")

    with pytest.raises(ForeignBytesError):
        received(head, bytes(wire._DIGEST_BYTES))


@pytest.mark.parametrize("payload", [pickle.dumps(REPORT), b"", b"{}\n", b"[" * 100_000, b'{"target": 1}\n', b"\xff"])
def test_what_is_no_report_runs_no_code(payload: bytes) -> None:
    with pytest.raises(UnreadableReportError):
        wire.from_bytes(payload)


def exactly_typed(value: Any) -> bool:
    if isinstance(value, tuple):
        return type(value) is tuple and all(map(exactly_typed, value))
    if isinstance(value, str) and not isinstance(value, Status):
        return type(value) is str
    return True


def test_texts_and_numbers_of_other_classes_arrive_as_what_they_are() -> None:
    class Name(enum.StrEnum):
        IMAGE = "image"

    class Loud(str):
        def __str__(self) -> str:
            return self.upper()

        def __reduce__(self) -> Any:
            return sys.exit, (3,)

    class Long(float):
        def __repr__(self) -> str:
            return "for ever"

    error = Problem(Loud("E"), Name.IMAGE, Loud("lone \udc80"))
    report = CaseReport(Name.IMAGE, Status.FAILED, Long(2.0), error, notes=(Loud("quiet"), "\ud800"))

    found, recording = wire.from_bytes(wire.to_bytes((report, None)))

    assert found == CaseReport(
        "image", Status.FAILED, 2.0, Problem("E", "image", "lone \\udc80"), notes=("quiet", "\\ud800")
    )
    assert recording is None
    assert type(found.duration_s) is float
    assert all(map(exactly_typed, (found.target, found.notes, found.error and (found.error.type, found.error.hint))))


def test_an_object_of_another_kind_in_a_report_is_refused() -> None:
    report = CaseReport("case.py", Status.FAILED, 0.0, Problem("E", "m", print))  # type: ignore[arg-type]

    with pytest.raises(TypeError, match="a report holds builtin_function_or_method"):
        wire.to_bytes((report, None))


@pytest.mark.parametrize("folder", [None, "/a folder/\udcfc", "ünter\n"])
def test_an_order_is_read_as_it_was_written(folder: str | None) -> None:
    settings = Settings(policies=(Policy.DROP,), backends=("eager", "inductor"), select=("SG1",), gpu="h100")
    surroundings = Surroundings(folder, {"ä": '\udc80"', "B": ""}, ("p", ""), ())
    order = Order("case.py:\udcff", None, settings, 1.5, 1 << 40, True, 2, True, "a:b", surroundings)

    assert Order.from_bytes(order.to_bytes()) == order


#: Names from a module of the target's own, in each place that reaches a report; the parent must not import it.
NAMES = """
import enum
class Name(str, enum.Enum):
    IMAGE = "image"
class Reason(str):
    def __str__(self): return "not this"
"""
NAMING = """
from names_of_the_target import Name, Reason
import torch
def build(): return torch.nn.Linear(4, 4)
def profile(): return (torch.ones(2, 4),), {}
def serving(): return {Name.IMAGE: ((torch.ones(3, 4),), {})}
ALLOW = {Name.IMAGE: {Reason("SG203"): Reason("because")}, Reason("*"): {Name("image"): "x"}}
"""
EVASIVE = """
class Everything(Exception):
    def __getattr__(self, name): return lambda *args: self
class Hinting(Exception):
    def hint(self): return "set width"
def build(): raise KIND("no width")
def profile(): return (), {}
def serving(): return {"a": ((), {})}
"""


def test_names_reasons_and_exceptions_of_a_target_are_plain_in_the_parent(write_case: Write, engine: Analyze) -> None:
    write_case(NAMES, "names_of_the_target.py")
    write_case(NAMING.replace('Reason("*"): {Name("image"): "x"}', ""), "naming.py")
    for kind in ("Everything", "Hinting"):
        write_case(EVASIVE.replace("KIND", kind), f"{kind.lower()}.py")
    requests = [Request(name) for name in ("naming.py", "everything.py", "hinting.py")]

    naming, *evasive = run(requests, Settings(), jobs=2)

    assert naming.error is None
    assert [(one.name, type(one.name)) for one in naming.scenarios] == [("profile", str), ("image", str)]
    assert [(one.scenario, one.allowed, type(one.allowed)) for one in naming.findings] == [("image", "because", str)]
    assert [report.error for report in evasive] == [
        Problem(
            "TargetError",
            f"build() of {kind.lower()}.py raised {kind}: no width ({kind.lower()}.py:6)",
            "set STEADYGRAPH_TRACEBACK=1 to see the whole traceback",
        )
        for kind in ("Everything", "Hinting")
    ]
    assert "names_of_the_target" not in sys.modules
