"""What a worker sends to its parent: one report, in a frame that nothing else looks like.

The payload is JSON of our own types and is read by their validators, so that reading it runs no code of anybody's and
makes no object of anybody's class, whatever was sent.
"""

from __future__ import annotations

import dataclasses
import enum
import hashlib
import json
from pathlib import Path
from typing import Any

from steadygraph.errors import UsageError
from steadygraph.model import CaseReport, Recording, RunRecording, Status
from steadygraph.report import collector

#: What a worker sends: the report, and the recording that it was judged by, if that is to be kept.
Result = tuple[CaseReport, Recording | None]

#: The largest reports of models with a hundred layers have some ten MB.
MOST_BYTES = 1 << 28
_MAGIC = b"\0steadygraph report\n"
_LENGTH_BYTES = 8
_DIGEST_BYTES = hashlib.sha256().digest_size
_HEAD_BYTES = len(_MAGIC) + _LENGTH_BYTES + _DIGEST_BYTES


class ForeignBytesError(ValueError):
    """These bytes are none that a worker of ours sent."""


class UnreadableReportError(ValueError):
    """A worker of ours sent this, and it is no report: a fault of steadygraph."""


def framed(payload: bytes) -> bytes:
    """The payload behind a word, its length and its checksum."""
    return _MAGIC + len(payload).to_bytes(_LENGTH_BYTES, "big") + hashlib.sha256(payload).digest() + payload


class Incoming:
    """Bytes of a frame, as they come in."""

    def __init__(self) -> None:
        self._received = bytearray()

    def take(self, data: bytes) -> None:
        """Add these.

        Raises:
            ForeignBytesError: They belong to no frame, or to one that is too long.
        """
        self._received += data
        begin = bytes(self._received[: len(_MAGIC)])
        if not _MAGIC.startswith(begin) or (len(self._received) >= _HEAD_BYTES and self._length > MOST_BYTES):
            raise ForeignBytesError

    @property
    def payload(self) -> bytes | None:
        """Once all of it is there.

        Raises:
            ForeignBytesError: It is not what was sent.
        """
        if len(self._received) < _HEAD_BYTES or len(self._received) < _HEAD_BYTES + self._length:
            return None
        payload = bytes(self._received[_HEAD_BYTES : _HEAD_BYTES + self._length])
        if hashlib.sha256(payload).digest() != self._received[_HEAD_BYTES - _DIGEST_BYTES : _HEAD_BYTES]:
            raise ForeignBytesError
        return payload

    @property
    def _length(self) -> int:
        return int.from_bytes(self._received[len(_MAGIC) : len(_MAGIC) + _LENGTH_BYTES], "big")


@collector.paused()
def to_bytes(result: Result, root: Path | None = None) -> bytes:
    """A result as JSON: a line for the report, and one for the recording if there is one.

    Args:
        result: It holds values of the model; texts and numbers may be of classes derived from Python's.
        root: The project root, which paths in a recording become relative to; the current directory by default.

    Raises:
        ValueError, TypeError: There is something in it that is none of our types.
    """
    from steadygraph.report.json import values

    report, recording = result
    try:
        text = values.written(CaseReport, report, indent=None)
    except ValueError:  # it holds a lone surrogate, which has no UTF-8
        text = values.written(CaseReport, plain(report), indent=None)
    kept = "" if recording is None else _kept(recording, root)
    return f"{text}\n{kept}".encode("ascii")


@collector.paused()
def from_bytes(payload: bytes) -> Result:
    """The result of which :func:`to_bytes` made these bytes.

    Raises:
        UnreadableReportError: They are none of such.
    """
    from steadygraph.report.json import values

    try:
        text, _, kept = payload.decode("ascii").partition("\n")
        report: CaseReport = values.taken(CaseReport, json.loads(text))
        return report, _recording(kept) if kept else None
    except (ValueError, RecursionError, UsageError) as error:
        raise UnreadableReportError(str(error).partition("\n")[0]) from None


def prepare() -> None:
    """Make what writing and reading a report needs, while there is time: it takes a tenth of a second."""
    from_bytes(to_bytes((CaseReport("", Status.COMPLETED, 0.0), None)))


def _kept(recording: Recording, root: Path | None) -> str:
    from steadygraph.report.json import recordings

    return recordings.to_json(RunRecording((plain(recording),), environment={}), root)


def _recording(kept: str) -> Recording:
    from steadygraph.report.json import recordings

    return recordings.from_json(kept).recordings[0]


def plain(value: Any) -> Any:
    """The value with texts and numbers of exactly the types that Python has for them, and no lone surrogates."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, enum.Enum) and type(value).__module__.startswith("steadygraph."):
        return value
    if isinstance(value, str):
        return text(value)
    if isinstance(value, int):
        return int.__int__(value)
    if isinstance(value, float):
        return float.__float__(value)
    if isinstance(value, tuple | list):
        return tuple(map(plain, value))
    if isinstance(value, dict):
        return {plain(key): plain(part) for key, part in value.items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return type(value)(**{each.name: plain(getattr(value, each.name)) for each in dataclasses.fields(value)})
    raise TypeError(f"a report holds {type(value).__name__}")


def text(value: str) -> str:
    """Exactly a ``str``, and one that has a UTF-8 form."""
    return str.encode(value, "utf-8", "backslashreplace").decode("utf-8")
