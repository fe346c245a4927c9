"""How much memory each target may have: sizes as people write them, and the share of what is available."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from steadygraph import config
from steadygraph.errors import UsageError
from steadygraph.model import size
from steadygraph.workers import memory


@pytest.mark.parametrize(
    ("text", "size_bytes"),
    [
        ("2GiB", 2 * 1024**3),
        ("2G", 2 * 1024**3),
        ("2GB", 2_000_000_000),
        ("512M", 512 * 1024**2),
        ("512 mib", 512 * 1024**2),
        ("1.5GiB", 3 * 1024**3 // 2),
        (".5T", 1024**4 // 2),
        ("0.3KB", 300),
        (" 70000000 ", 70_000_000),
        ("64B", 64),
        ("0", 0),
    ],
)
def test_a_size_is_read_as_it_is_written(text: str, size_bytes: int) -> None:
    assert size.parsed(text) == size_bytes


@pytest.mark.parametrize(
    "text", ["", "GiB", "2iB", "2 Gib!", "-1G", "1e9", "2GiBs", "nan", "1_000", "1" * 400, "2..5G", "٣"]
)
def test_what_is_no_size_is_none(text: str) -> None:
    assert size.parsed(text) is None


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1 KiB"),
        (1536, "1.5 KiB"),
        (512 * 1024**2, "512 MiB"),
        (2 * 1024**3 + 100 * 1024**2, "2.1 GiB"),
        (1024**3 + 30 * 1024**2, "1.03 GiB"),
        (100 * 1024, "100 KiB"),
        (99 * 1024 + 980, "100 KiB"),
        (10 * 1024 - 1, "10 KiB"),
        (1024**3 - 1, "1 GiB"),
        (5000 * 1024**4, "5000 TiB"),
    ],
)
def test_a_size_is_told_with_the_digits_that_matter(size_bytes: int, text: str) -> None:
    assert size.readable(size_bytes) == text


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ("lots", "memory-limit is 'lots'\n  hint: write a size such as 2GiB, or 0 for no limit"),
        ("-1G", "memory-limit is '-1G'\n  hint: write a size such as 2GiB, or 0 for no limit"),
        (-1, "memory-limit is -1\n  hint: write a size such as 2GiB, or 0 for no limit"),
        ("2MB", "memory-limit is '2MB'\n  hint: write a size such as 2GiB, no less than 64 MiB"),
        (2, "memory-limit is 2\n  hint: write a size such as 2GiB, no less than 64 MiB"),
        (
            "9" * 400,
            f"memory-limit is '{'9' * 39}...\n  hint: write a size such as 2GiB, or 0 for no limit",
        ),
        (1.5, "memory-limit is 1.5, which is not a size\n  hint: write a size"),
        (True, "memory-limit is True, which is not a size\n  hint: write a size"),
    ],
)
def test_a_limit_that_means_nothing_is_told(value: object, complaint: str) -> None:
    with pytest.raises(UsageError) as caught:
        config.checked({"memory-limit": value})

    assert str(caught.value) == complaint


@pytest.mark.parametrize(("value", "limit_bytes"), [("1GiB", 1 << 30), (1 << 30, 1 << 30), ("0", 0), (0, 0)])
def test_a_limit_reaches_the_options(value: object, limit_bytes: int) -> None:
    assert config.options(config.checked({"memory-limit": value})).memory_limit_bytes == limit_bytes
    assert config.options({}).memory_limit_bytes is None


def test_what_is_available_is_divided_and_some_of_it_stays() -> None:
    found = re.search(r"MemAvailable: +(\d+) kB", Path("/proc/meminfo").read_text())
    assert found is not None

    one, three = memory.share_bytes(1), memory.share_bytes(3)

    assert one is not None
    assert three is not None
    # Others work on this machine, too: what is available is another number each time.
    assert one < int(found[1]) * 1024 * 0.95
    assert three == pytest.approx(one / 3, rel=0.2)


def group(folder: Path, limit: str, used: int, cache: int, names: tuple[str, str], key: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / names[0]).write_text(f"{limit}\n")
    (folder / names[1]).write_text(f"{used}\n")
    (folder / "memory.stat").write_text(f"anon 1\n{key} {cache}\n")


V2, V1 = ("memory.max", "memory.current"), ("memory.limit_in_bytes", "memory.usage_in_bytes")


def test_the_narrowest_group_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_CGROUPS", tmp_path / "groups")
    monkeypatch.setattr(memory, "_OWN_GROUPS", tmp_path / "own")
    group(tmp_path / "groups" / "user" / "job", "max", 10 << 20, 0, V2, "inactive_file")
    group(tmp_path / "groups" / "user", str(100 << 20), 60 << 20, 20 << 20, V2, "inactive_file")
    group(tmp_path / "groups" / "memory" / "old", str(200 << 20), 0, 0, V1, "total_inactive_file")

    (tmp_path / "own").write_text("0::/user/job\n")
    inner = memory.share_bytes(2)
    (tmp_path / "own").write_text("4:cpu,memory:/old\n3:cpuset:/user\n0::/\n")
    old = memory.share_bytes(1)
    (tmp_path / "own").write_text("4:memory:/path/of/the/host\n")
    group(tmp_path / "groups" / "memory", str(50 << 20), 0, 0, V1, "total_inactive_file")
    contained = memory.share_bytes(1)

    # 100 MiB, of which 60 are used, of which 20 can be given back; nine tenths of that for two.
    assert inner == (60 << 20) * 9 // 10 // 2
    assert old == (200 << 20) * 9 // 10
    assert contained == (50 << 20) * 9 // 10


def test_where_nothing_tells_there_is_no_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_MEMINFO", tmp_path / "none")
    monkeypatch.setattr(memory, "_OWN_GROUPS", tmp_path / "none")

    assert memory.share_bytes(1) is None
