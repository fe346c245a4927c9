"""Absolute paths in texts, and what only looks like one."""

from __future__ import annotations

from pathlib import Path

import pytest

from steadygraph.redaction.text import Redactor

ROOT = Path("/srv/my project")


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/mnt/people/ada")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/data/models/x.bin is missing", ".../x.bin is missing"),
        ("no file '/data/my models/x y.bin' here", "no file '.../x y.bin' here"),
        ('File "/data/x/model.py", line 3', 'File ".../model.py", line 3'),
        ("y" * 20 + "/home/alice/models/x.bin", "y" * 20 + "~/models/x.bin"),
        ("y" * 20 + "/mnt/people/ada/x.bin", "y" * 20 + "~/x.bin"),
        ("y" * 20 + "/srv/my project/x.bin", "y" * 20 + "x.bin"),
        ("in /Users/alice.b", "in ~"),
        ("file:///data/x/y.bin", "file://.../y.bin"),
        (r"C:\Users\ada\models\x.bin", "~/models/x.bin"),
        (r"'D:\\data\\models\\x.bin'", "'.../x.bin'"),
        (r"\\server\share\x.bin", ".../x.bin"),
        ("in /opt/lib/site-packages/torch/nn/a.py: no", "in torch/nn/a.py: no"),
        ("in /usr/lib/python3.11/contextlib.py", "in contextlib.py"),
        ("(/data/a/x, /data/b/y)", "(.../x, .../y)"),
    ],
)
def test_no_absolute_path_is_left(text: str, expected: str) -> None:
    assert Redactor(ROOT).text(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "https://host/home/ada/x and http://host:80/data/x/y",
        "args[0] / 2, s0 // 2, /2, a/b, 1/2/3",
        "/dev/full and /proc/self/status",
        "s/old/new, and/or",
        "torch/nn/modules/linear.py",
        "~/x and ../x",
        "https://hub/a:/b",
    ],
)
def test_what_is_no_place_of_this_machine_stays(text: str) -> None:
    assert Redactor(ROOT).text(text) == text
