"""Files that somebody names: devices, pipes, links that go in a circle, files without end."""

from __future__ import annotations

import io
import os
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from steadygraph.config import from_file
from steadygraph.errors import SteadygraphError, UsageError, files, reading
from steadygraph.errors.files import require_writable, write
from steadygraph.history.baseline import read as read_baseline
from steadygraph.report.json import codec, recordings


def trouble(file: Path, *, piped: bool = False) -> str:
    try:
        reading.content(file, piped=piped)
    except OSError as error:
        return str(error.strerror)
    return "nothing"


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    """Nobody writes to it, and nobody reads from it."""
    os.mkfifo(tmp_path / "pipe")
    return tmp_path / "pipe"


@pytest.fixture
def circle(tmp_path: Path) -> Path:
    """A link that leads back to itself."""
    (tmp_path / "one").symlink_to("two")
    (tmp_path / "two").symlink_to("one")
    return tmp_path / "one"


def test_a_file_is_read_whole(tmp_path: Path) -> None:
    (tmp_path / "report.json").write_bytes(b"x" * 3_000_000)

    assert reading.content(tmp_path / "report.json") == b"x" * 3_000_000


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "report.json").open("wb") as file:
        file.truncate(2**40)  # takes no room

    began = time.monotonic()
    said = trouble(tmp_path / "report.json")

    assert said == "it is larger than 256 MiB"
    assert time.monotonic() - began < 1


def test_a_stream_without_end_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "LARGEST_BYTES", 2**21)

    with pytest.raises(OSError, match="it is larger than 2 MiB"), Path("/dev/zero").open("rb") as stream:
        reading.limited(stream)


@pytest.mark.parametrize("size", [2**21 - 1, 2**21])
def test_a_stream_may_be_as_large_as_the_limit(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "LARGEST_BYTES", 2**21)

    assert len(reading.limited(io.BytesIO(bytes(size)))) == size


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/null", "/dev/full"])
def test_a_device_is_not_read(device: str) -> None:
    assert trouble(Path(device), piped=True) == "it is a device, not a file"


def test_a_socket_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")

        assert trouble(Path("socket"), piped=True) == "it is a socket, not a file"


def test_a_directory_is_not_read(tmp_path: Path) -> None:
    assert trouble(tmp_path) == "Is a directory"


def test_links_in_a_circle_are_not_read(circle: Path) -> None:
    assert trouble(circle) == "Too many levels of symbolic links"


def test_a_pipe_is_read_only_where_one_makes_sense(pipe: Path) -> None:
    assert trouble(pipe) == "it is a pipe, not a file"


def test_a_pipe_to_which_nobody_writes_is_not_waited_for(pipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "WRITER_S", 0.1)

    assert trouble(pipe, piped=True) == "nobody wrote to this pipe within 0.1 s"


def test_what_is_written_to_a_pipe_is_read_whole_however_slowly_it_comes(pipe: Path) -> None:
    def writes() -> None:
        time.sleep(0.1)
        with pipe.open("wb") as stream:
            for part in (b"x" * 100_000, b"y", b"z" * 100_000):
                time.sleep(0.05)
                stream.write(part)
                stream.flush()

    writer = threading.Thread(target=writes)
    writer.start()

    content = reading.content(pipe, piped=True)

    writer.join()
    assert content == b"x" * 100_000 + b"y" + b"z" * 100_000


# --- whoever reads them ------------------------------------------------------------------------------------

_REPORT = "name a report that --format json wrote"
_BASELINE = "name a file that was written with --update-baseline, or write a new one to another path"
_RECORDING = "give a file that analyze --record wrote"


@pytest.mark.parametrize(
    ("read", "told", "hint"),
    [
        (codec.read, "cannot read {}: it is a device, not a file", _REPORT),
        (recordings.read, "cannot read {}: it is a device, not a file", _RECORDING),
        (read_baseline, "the baseline {} cannot be read: it is a device, not a file", _BASELINE),
    ],
)
def test_an_endless_file_is_told(read: Callable[[Path], object], told: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(Path("/dev/zero"))

    assert str(caught.value) == f"{told.format('/dev/zero')}\n  hint: {hint}"


@pytest.mark.parametrize(
    ("read", "told", "hint"),
    [
        (codec.read, "{} is not text in UTF-8", _REPORT),
        (recordings.read, "{} is not text in UTF-8", _RECORDING),
        (read_baseline, "the baseline {} is not text in UTF-8", _BASELINE),
    ],
)
def test_bytes_that_are_no_text_are_told(
    read: Callable[[Path], object], told: str, hint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file.json").write_bytes(b"\xff\xfe{\x00")

    with pytest.raises(UsageError) as caught:
        read(Path("file.json"))

    assert str(caught.value) == f"{told.format('file.json')}\n  hint: {hint}"


def test_a_configuration_that_is_a_pipe_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pyproject.toml")

    with pytest.raises(UsageError) as caught:
        from_file(tmp_path)

    assert str(caught.value) == (
        "pyproject.toml cannot be read: it is a pipe, not a file\n  hint: write it as a text file"
    )


# --- writing -----------------------------------------------------------------------------------------------


def refusal(file: Path) -> str:
    with pytest.raises(SteadygraphError) as caught:
        require_writable(file)
    return str(caught.value)


def test_links_in_a_circle_are_not_written_to(circle: Path) -> None:
    assert refusal(circle) == (f"cannot write {circle}: Too many levels of symbolic links\n  hint: choose another path")


def test_a_name_that_is_too_long_is_told(tmp_path: Path) -> None:
    file = tmp_path / ("x" * 300)

    assert refusal(file) == f"cannot write {file}: File name too long\n  hint: choose another path"


def test_a_socket_is_not_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")

        assert refusal(Path("socket")) == "cannot write socket: it is a socket\n  hint: name a file"


def test_a_pipe_from_which_nobody_reads_is_not_waited_for(pipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "READER_S", 0.1)
    require_writable(pipe)

    with pytest.raises(OSError, match="nobody reads from this pipe"):
        write(pipe, "text")


def test_a_reader_that_takes_nothing_is_not_waited_for(pipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "READER_S", 0.1)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)

    with pytest.raises(OSError, match="nobody reads from this pipe"):
        write(pipe, "x" * 1_000_000)

    os.close(reader)


def test_a_reader_that_comes_late_and_takes_its_time_gets_all(pipe: Path) -> None:
    got = []

    def reads() -> None:
        time.sleep(0.1)
        with pipe.open("rb") as stream:
            while part := stream.read(50_000):
                time.sleep(0.01)
                got.append(part)

    reader = threading.Thread(target=reads)
    reader.start()

    write(pipe, "x" * 300_000)

    reader.join()
    assert b"".join(got) == b"x" * 300_000
