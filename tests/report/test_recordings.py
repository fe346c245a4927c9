"""Recordings as JSON: what is read is what was written, without what belongs to one machine."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from steadygraph.model import RunRecording
from steadygraph.report.json.recordings import from_json, to_json
from steadygraph.report.portable import scrubbed

from .hostile import NASTY, ROOT, fragments, recordings_of, thorough


@thorough
@given(recordings_of(fragments.map("".join)))
def test_a_recording_is_read_as_it_was_written(run: RunRecording) -> None:
    text = to_json(run, ROOT)

    assert text.isascii()
    assert from_json(text) == scrubbed(run, ROOT)
    assert to_json(from_json(text), ROOT) == text


@thorough
@given(recordings_of(st.sampled_from(NASTY)))
def test_a_recording_names_no_root_no_home_and_no_address(run: RunRecording) -> None:
    text = to_json(run, ROOT)

    assert "/srv/project" not in text
    assert "/home/ada" not in text
    assert "0x7f2a4c0d1e50" not in text
    assert "140123456789012" not in text
