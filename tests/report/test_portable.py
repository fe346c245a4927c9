"""A report says nothing about the machine, the process or the person that made it."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from steadygraph.model import CaseReport, Finding, Location, Problem, Status
from steadygraph.model.run import RunReport
from steadygraph.report.portable import portable

ROOT = Path("/srv/my project")
HOME = "/home/ada"


@pytest.fixture(autouse=True)
def no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", {"HOME": HOME, "PATH": os.environ["PATH"]})


def target(path: str) -> str:
    return portable(RunReport((CaseReport(path, Status.COMPLETED, 1.0),)), ROOT).report.cases[0].target


def text(message: str, root: Path = ROOT) -> str:
    case = CaseReport("case.py", Status.FAILED, 1.0, error=Problem("TargetError", message))
    problem = portable(RunReport((case,)), root).report.cases[0].error
    assert problem is not None
    return problem.message


# --- paths ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/srv/my project/examples/model.py", "examples/model.py"),
        ("/srv/my project/examples/../model.py", "model.py"),
        ("/srv/my project", "."),
        ("/srv/my project 2/model.py", "my project 2/model.py"),
        ("examples/model.py", "examples/model.py"),
        ("../beside/model.py", "../beside/model.py"),
        ("/opt/venv/lib/python3.11/site-packages/torch/nn/modules/linear.py", "torch/nn/modules/linear.py"),
        ("/srv/my project/.venv/lib/python3.11/site-packages/vllm/model.py", "vllm/model.py"),
        ("/usr/lib/python3/dist-packages/numpy/core.py", "numpy/core.py"),
        ("/usr/lib/python3.11/contextlib.py", "contextlib.py"),
        ("/home/ada/case.py", "case.py"),
        ("/home/ada/models/case.py", "models/case.py"),
        ("/tmp/pytest-of-ada/pytest-0/cases/case.py", "cases/case.py"),
        ("C:\\Users\\ada\\models\\case.py", "models/case.py"),
        ("<eval_with_key>.3", "<eval_with_key>.3"),
    ],
)
def test_a_path_is_relative_to_the_root_or_starts_at_its_package(path: str, expected: str) -> None:
    assert target(path) == expected
    assert target(f"{path}:Model") == f"{expected}:Model"


def test_a_location_is_treated_as_a_target_is(broken: CaseReport, finding: Finding) -> None:
    inside = replace(finding, location=Location("/srv/my project/model.py", 41, "forward", "x = 1"))

    scrubbed = portable(RunReport((replace(broken, findings=(inside,)),)), ROOT).report

    assert scrubbed.findings[0].location == Location("model.py", 41, "forward", "x = 1")


@pytest.mark.parametrize(
    ("path", "outside"),
    [
        ("/srv/my project/examples/model.py", False),
        ("/srv/my project/examples/../model.py", False),
        ("examples/model.py", False),
        ("/srv/my project/.venv/lib/python3.11/site-packages/vllm/model.py", True),
        ("/opt/venv/lib/python3.11/site-packages/torch/nn/modules/linear.py", True),
        ("/usr/lib/python3.11/contextlib.py", True),
        ("/srv/my project 2/model.py", True),
        ("C:\\Users\\ada\\models\\case.py", True),
    ],
)
def test_a_location_knows_whether_its_file_is_the_project_s_own(
    broken: CaseReport, finding: Finding, path: str, outside: bool
) -> None:
    report = RunReport((replace(broken, findings=(replace(finding, location=Location(path, 41, "forward")),)),))

    once = portable(report, ROOT).report

    again = portable(replace(once, fail_on="never"), ROOT).report
    assert [each.location and each.location.outside for each in (*once.findings, *again.findings)] == [outside] * 2


def test_a_package_that_is_installed_from_a_checkout_starts_at_its_name(tmp_path: Path) -> None:
    package = tmp_path / "checkout" / "vllm" / "models"
    package.mkdir(parents=True)
    for folder in (package, package.parent):
        (folder / "__init__.py").touch()

    assert target(str(package / "qwen.py")) == "vllm/models/qwen.py"


def test_a_root_behind_a_link_is_known_under_both_names(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")

    message = f"{tmp_path}/real/a.py and {tmp_path}/link/b.py"

    assert text(message, tmp_path / "link") == "a.py and b.py"


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ('File "/srv/my project/model.py", line 3', 'File "model.py", line 3'),
        ("cannot open /srv/my project", "cannot open ."),
        ("at \x1b[35m/srv/my project/x.py\x1b[0m", "at \x1b[35mx.py\x1b[0m"),
        ("at \x1b[35m/home/ada/x.py\x1b[0m", "at \x1b[35m~/x.py\x1b[0m"),
        ("file:///srv/my project/x", "file://x"),
        ("/srv/my project2/x", ".../my project2/x"),
        ("no file /home/ada/.cache/x.bin", "no file ~/.cache/x.bin"),
        ("no file /home/bob/x, none in /root/y", "no file ~/x, none in ~/y"),
        ("in /opt/lib/site-packages/torch/nn/a.py: no", "in torch/nn/a.py: no"),
        ("https://host/home/ada/x", "https://host/home/ada/x"),
        ("args[0] / 2 and a/b", "args[0] / 2 and a/b"),
        ("/data/weights.bin is missing", ".../weights.bin is missing"),
    ],
)
def test_messages_name_no_root_and_no_home(message: str, expected: str) -> None:
    assert text(message) == expected


def test_a_root_that_is_the_whole_disk_cuts_nothing_off() -> None:
    assert text("see /data/a and / too", Path("/")) == "see .../a and / too"


# --- what belongs to one process ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("<Decoder object at 0x7f2a4c0d1e50>", "<Decoder object at 0x...>"),
        ("<Decoder object at 0x1c3f2a0>", "<Decoder object at 0x...>"),
        ("mask 0xffffffff stays", "mask 0xffffffff stays"),
        (
            "___check_obj_id(L['self'].f(1), 140123456789012)",
            "___check_obj_id(L['self'].f(1), <id>)",
        ),
        (
            "___check_type_id(L['x'], 94312345678), type=<class 'X'>",
            "___check_type_id(L['x'], <id>), type=<class 'X'>",
        ),
        ("L['x'].data_ptr() == 140123456789012", "L['x'].data_ptr() == <id>"),
        ("seed is 1700000000000", "seed is 1700000000000"),
    ],
)
def test_addresses_of_objects_are_left_out(message: str, expected: str) -> None:
    assert text(message) == expected


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("got tensor([[1., 2.],\n [3., 4.]], device='cuda:0')", "got tensor(...)"),
        ("got tensor(0.25) and tensor(nan)", "got tensor(...) and tensor(...)"),
        ("torch.tensor(ids) at torch.tensor([0, 1])", "torch.tensor(ids) at torch.tensor([0, 1])"),
        ("a tensor(s) and tensor(...)", "a tensor(s) and tensor(...)"),
    ],
)
def test_values_of_tensors_are_left_out(message: str, expected: str) -> None:
    assert text(message) == expected


def test_values_of_secret_environment_variables_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        os, "environ", {"HF_TOKEN": "hf_abcdef123", "TOKENIZERS_PARALLELISM": "false", "DB_PASSWORD": "a.b*c+d/e"}
    )

    assert text("401 for hf_abcdef123, a.b*c+d/e: false") == "401 for ***, ***: false"


def test_half_characters_are_spelled_out() -> None:
    assert text("bad \ud800 and \udcff, good é") == "bad \\ud800 and \\udcff, good é"


def test_every_text_of_a_report_is_scrubbed(broken: CaseReport) -> None:
    """Whatever field is added to the model: a report full of the root must not name it any more."""

    def marked(value: Any) -> Any:
        if type(value) is str:
            return f"/srv/my project/{value}"
        if isinstance(value, tuple):
            return tuple(marked(part) for part in value)
        if hasattr(value, "__dataclass_fields__"):
            return type(value)(**{name: marked(getattr(value, name)) for name in value.__dataclass_fields__})
        return value

    report = portable(RunReport((marked(broken),), {"python": "/srv/my project/bin"}, "/srv/my project/1"), ROOT).report

    everything = f"{report.cases!r} {report.environment!r} {report.tool_version}"
    assert "/srv" not in everything
    assert report.cases[0].status is Status.COMPLETED
