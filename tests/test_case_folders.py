"""Directories as targets: which files in them are cases."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from steadygraph.case.target import expanded
from steadygraph.errors import CaseError


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Makes empty files in the working directory."""
    monkeypatch.chdir(tmp_path)

    def make(*names: str) -> None:
        for name in names:
            Path(name).parent.mkdir(parents=True, exist_ok=True)
            Path(name).touch()

    return make


def test_the_case_files_of_a_directory_come_in_the_order_of_their_paths(files: Callable[..., None]) -> None:
    files("m/case_b.py", "m/b/case_a.py", "m/a-b/case_z.py", "m/a/case_z.py", "m/case_a.py")
    wanted = ["m/a/case_z.py", "m/a-b/case_z.py", "m/b/case_a.py", "m/case_a.py", "m/case_b.py"]

    assert [expanded(written) for written in ("m/", "./m", "m/.", "m")] == [wanted] * 4


def test_only_case_files_are_taken(files: Callable[..., None]) -> None:
    files("m/case_a.py", "m/model.py", "m/case_b.txt", "m/CASE_C.py", "m/mycase_d.py", "m/case_dir.py/case_e.py")

    assert expanded("m/") == ["m/case_a.py", "m/case_dir.py/case_e.py"]


def test_what_tools_and_environments_keep_is_passed_over(files: Callable[..., None]) -> None:
    files("case_a.py", ".git/case_b.py", "__pycache__/case_c.py", "env/pyvenv.cfg", "env/lib/case_d.py")
    Path("again").symlink_to(".")

    assert expanded(".") == ["case_a.py"]


@pytest.mark.parametrize(
    "target", ["case_a.py", "none.py", "empty/", "package", "package.module:Class", "m/case_a.py:Net"]
)
def test_every_other_target_is_left_as_it_is(files: Callable[..., None], target: str) -> None:
    files("case_a.py", "m/case_a.py", "package/__init__.py", "package/case_a.py")
    Path("empty").mkdir()

    assert expanded(target) == [target]


def test_a_directory_that_cannot_be_read_is_told(files: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    files("m/case_a.py")

    def refused(path: str) -> None:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr("os.scandir", refused)
    with pytest.raises(CaseError) as caught:
        expanded("m/")

    assert str(caught.value) == (
        "m/ cannot be read: Permission denied\n  hint: check its permissions, or name case files"
    )
