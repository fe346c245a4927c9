"""Results in files: whole or not at all."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from steadygraph.errors import UsageError, staging
from steadygraph.errors.files import require_folder, require_writable, write, write_all


def complaint(file: Path) -> str:
    with pytest.raises(UsageError) as caught:
        require_writable(file)
    return str(caught.value)


def test_a_file_that_can_be_written_leaves_no_trace_of_the_question(tmp_path: Path) -> None:
    require_writable(tmp_path / "report.json")

    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_is_not_there_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "reports"

    said = complaint(folder / "report.json")

    assert said == (
        f"cannot write {folder}/report.json: there is no directory {folder}\n  hint: create it: mkdir -p {folder}"
    )


def test_a_file_in_place_of_the_directory_is_told(tmp_path: Path) -> None:
    (tmp_path / "reports").touch()

    said = complaint(tmp_path / "reports" / "report.json")

    assert said == (
        f"cannot write {tmp_path}/reports/report.json: {tmp_path}/reports is not a directory\n"
        "  hint: name a file in a directory"
    )


def test_a_directory_in_place_of_the_file_is_told(tmp_path: Path) -> None:
    said = complaint(tmp_path)

    assert said == f"cannot write {tmp_path}: it is a directory\n  hint: name a file in it, such as {tmp_path}/report"


def test_a_directory_that_is_not_writable_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Root may write into any directory, so a mode would prove nothing there: the system call itself refuses.
    def refuse(*_arguments: object, **_keywords: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("tempfile.mkstemp", refuse)

    said = complaint(tmp_path / "report.json")

    assert said == (
        f"cannot write {tmp_path}/report.json: Permission denied\n"
        f"  hint: choose a directory that you may write to, not {tmp_path}"
    )


def test_a_directory_where_nothing_can_be_created_is_told() -> None:
    said = complaint(Path("/proc/report.json"))

    assert said == (
        "cannot write /proc/report.json: No such file or directory\n"
        "  hint: choose a directory that you may write to, not /proc"
    )


def test_a_written_file_holds_the_text_and_nothing_lies_beside_it(tmp_path: Path) -> None:
    file = tmp_path / "report.txt"

    write(file, "größer \udc80\n")

    assert file.read_bytes() == "größer \\udc80\n".encode()
    assert list(tmp_path.iterdir()) == [file]


def test_a_new_file_has_the_permissions_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "other").touch()

    write(tmp_path / "report.txt", "")

    assert (tmp_path / "report.txt").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_a_replaced_file_keeps_its_permissions(tmp_path: Path) -> None:
    file = tmp_path / "report.txt"
    file.write_text("old")
    file.chmod(0o640)

    write(file, "new")

    assert (file.read_text(), stat.S_IMODE(file.stat().st_mode)) == ("new", 0o640)


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("report.txt")

    write(tmp_path / "link", "text")

    assert ((tmp_path / "link").is_symlink(), (tmp_path / "report.txt").read_text()) == (True, "text")


def test_what_fails_in_the_middle_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "report.txt"
    file.write_text("old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)

    with pytest.raises(OSError, match="No space left"):
        write(file, "new")

    assert [(entry.name, entry.read_text()) for entry in tmp_path.iterdir()] == [("report.txt", "old")]


def test_a_device_is_written_to_in_place() -> None:
    write(Path("/dev/null"), "text")

    assert Path("/dev/null").is_char_device()


def test_of_several_files_all_are_written_or_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = [tmp_path / name for name in ("a", "b", "c")]
    write_all(dict.fromkeys(files, "old"))
    written: list[int] = []

    def full(descriptor: int) -> None:
        written.append(descriptor)
        if len(written) == 3:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)

    with pytest.raises(OSError, match="No space left"):
        write_all(dict.fromkeys(files, "new"))

    assert {entry.name: entry.read_text() for entry in tmp_path.iterdir()} == {"a": "old", "b": "old", "c": "old"}


def test_a_folder_and_those_above_it_are_made(tmp_path: Path) -> None:
    require_folder(tmp_path / "a" / "b")
    require_folder(tmp_path / "a" / "b")

    assert (tmp_path / "a" / "b").is_dir()


def test_a_folder_below_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(UsageError) as caught:
        require_folder(tmp_path / "file" / "reports")

    assert str(caught.value) == (
        f"cannot make the directory {tmp_path}/file/reports: Not a directory\n"
        "  hint: choose a place that you may write to"
    )


def test_what_a_killed_run_left_is_taken_away_and_nothing_else_is(tmp_path: Path) -> None:
    killed = (
        "import os, signal; from pathlib import Path; from steadygraph.errors import staging\n"
        "staging.file(Path(), 'report.json'); os.mkdir('below')\n"
        "with staging.folder(Path('below')): os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", killed], cwd=tmp_path, check=False)
    living = staging.file(tmp_path, "report.json")
    foreign = [".report.json.12345678", ".report.json.steadygraph-backup", ".other.steadygraph-12345678"]
    for name in foreign:
        (tmp_path / name).touch()
    (tmp_path / "elsewhere").write_text("kept")
    (tmp_path / ".report.json.steadygraph-a_link_0").symlink_to("elsewhere")
    kept = {*foreign, Path(living.path).name, "elsewhere", ".report.json.steadygraph-a_link_0", "below"}
    before = {file.name for file in tmp_path.iterdir()}, len(list((tmp_path / "below").iterdir()))

    require_writable(tmp_path / "report.json")
    staging.clean(tmp_path / "below")

    assert (len(before[0] - kept), before[1]) == (1, 1)
    assert {file.name for file in tmp_path.iterdir()} == kept
    assert list((tmp_path / "below").iterdir()) == []
    living.release()
    require_writable(tmp_path / "report.json")
    assert {file.name for file in tmp_path.iterdir()} == kept - {Path(living.path).name}


def test_runs_that_write_and_clean_at_once_lose_nothing(tmp_path: Path) -> None:
    """Each process takes away leftovers all the time, while all of them write."""
    code = (
        "import sys; from pathlib import Path; from steadygraph.errors.files import require_writable, write\n"
        "for number in range(100):\n"
        "    require_writable(Path('report.json')); write(Path('report.json'), sys.argv[1] * 1000)\n"
    )
    writers = [subprocess.Popen([sys.executable, "-c", code, letter], cwd=tmp_path) for letter in "abc"]

    assert [writer.wait(120) for writer in writers] == [0, 0, 0]
    assert (tmp_path / "report.json").read_text() in {letter * 1000 for letter in "abc"}
    assert [file.name for file in tmp_path.iterdir()] == ["report.json"]
