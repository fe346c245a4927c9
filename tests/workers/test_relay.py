"""What a target prints on its way to standard error."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from steadygraph.report.text.printed import readable
from steadygraph.workers.relay import Relay


@pytest.mark.parametrize(
    ("printed", "shown"),
    [
        ("plain\n  indented\n", "plain\n  indented\n"),
        ("a\r\nb\r\n", "a\nb\n"),
        ("10 %\r50 %\r100 %\n", "100 %\n"),
        ("50 %\r", "50 %"),
        ("\x1b[31mred\x1b[0m\n", "\\x1b[31mred\\x1b[0m\n"),
        ("::error file=x::boom\n  ##[group]all\n", "\\x3a:error file=x::boom\n  \\x23#[group]all\n"),
        ("one\ttwo\n", "one     two\n"),
        ("tensor([[1., 2.],\n        [3., 4.]])\ndone\n", "tensor(...)\ndone\n"),
        ("x" * 2001 + "\n", "x" * 2000 + "...\n"),
        ("", ""),
    ],
)
def test_lines_are_what_a_terminal_shows_and_nothing_more(printed: str, shown: str) -> None:
    assert readable(printed) == shown


def relayed(printed: bytes, file: Path) -> bytes:
    destination = os.open(file, os.O_WRONLY | os.O_CREAT)
    relay = Relay(destination)
    entrance = os.dup(relay._entrance)
    relay.start()
    with open(entrance, "wb") as stream:
        stream.write(printed)
    relay.finish(10)
    return file.read_bytes()


def test_all_comes_out_in_order_and_a_line_that_nobody_ended_is_ended(tmp_path: Path) -> None:
    lines = b"".join(b"%d\n" % number for number in range(50_000))

    assert relayed(lines + b"and then", tmp_path / "shown") == lines + b"and then\n"


def test_what_has_no_line_breaks_comes_out_before_it_ends(tmp_path: Path) -> None:
    shown = relayed(b"x" * 300_000, tmp_path / "shown")

    assert shown.startswith(b"x" * 2000 + b"...\n")
    assert len(shown) < 300_000


def test_bytes_that_are_no_text_are_spelled_out(tmp_path: Path) -> None:
    assert relayed(b"\xff\xfe\n", tmp_path / "shown") == b"\\xff\\xfe\n"
