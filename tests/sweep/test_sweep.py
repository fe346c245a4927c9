"""``steadygraph sweep`` and ``merge``: what is on disk, what is said, and how they end."""

from __future__ import annotations

import errno
import gc
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from steadygraph.errors import files
from steadygraph.model import CaseReport
from steadygraph.report.json import codec
from steadygraph.sweep import folder

from ..cli.conftest import BROKEN, CLEAN, RAISING
from ..conftest import Ran

Cli = Callable[..., Ran]
Write = Callable[..., Path]

LEFT_OUT = "import unittest\ndef build(): raise unittest.SkipTest('it needs an image')\n"


def ran(place: Path) -> list[str]:
    return (place.parent / "ran").read_text(encoding="utf-8").split()


def facts(place: Path) -> list[dict[str, object]]:
    """The entries of a sweep without what a second run need not repeat."""
    found = [json.loads(file.read_text()) for file in sorted((place / "ran").glob("*.json"))]
    return [{name: one[name] for name in one.keys() - {"seconds", "peak_bytes", "digest"}} for one in found]


def test_a_sweep_keeps_a_report_of_each_target_and_shows_the_worst_first(
    cli: Cli, tmp_path: Path, write_case: Write
) -> None:
    (tmp_path / "models").mkdir()
    texts = {"broken": BROKEN, "clean": CLEAN, "left": CLEAN, "raising": RAISING}
    for name, text in texts.items():
        file = write_case(text, f"models/case_{name}.py")
    (tmp_path / "models/case_left.py").write_text((tmp_path / "models/case_clean.py").read_text() + LEFT_OUT)

    code, out, err = cli("sweep", "models", "--out", "night", "--jobs", "2")

    rows = [line.split() for line in out.splitlines()]
    assert code == 4
    assert [row[:2] for row in rows if row and row[0].startswith("models/")] == [
        ["models/case_raising.py", "failed"],
        ["models/case_broken.py", "silent-wrong"],
        ["models/case_clean.py", "same"],
        ["models/case_left.py", "left"],
    ]
    assert "  it needs an image" in out.splitlines()
    assert out.splitlines()[-1].startswith("4 targets: 2 analysed (1 with errors), 1 failed, 1 left out; ")
    assert sorted(line.partition(" ")[2].partition(" (")[0] for line in err.splitlines()) == [
        "models/case_broken.py: silent-wrong, 1 error",
        "models/case_clean.py: same",
        "models/case_left.py: left out: it needs an image",
        "models/case_raising.py: failed: profile() of models/case_raising.py raised ValueError: no input",
    ]
    broken = next(one for one in folder.read(tmp_path / "night").entries if "broken" in one.target)
    report = codec.read(tmp_path / "night/reports" / broken.report)
    assert [case.target for case in report.cases] == ["models/case_broken.py"]
    assert (broken.errors, broken.rules, broken.outcomes["drop"]) == (1, {"SG101": 1}, "silent-wrong")
    assert (broken.peak_bytes or 0) > 50 << 20  # torch alone has more
    assert cli("analyze", str(file), "--quiet")[0] == 4
    assert cli("merge", "night") == Ran(code, out, "")


def test_what_a_case_leaves_out_fails_no_sweep(cli: Cli, models: Path) -> None:
    for file in models.iterdir():
        file.write_text(file.read_text() + LEFT_OUT)

    code, out, _ = cli("sweep", "models", "--out", "night", "--quiet")

    assert code == 0
    assert out.splitlines()[-1].startswith("4 targets: 0 analysed, 4 left out; ")


def test_a_sweep_goes_on_with_what_is_not_done(cli: Cli, models: Path) -> None:
    cli("sweep", "models", "--out", "night", "--quiet")
    whole = facts(models.parent / "night")
    lost = sorted((models.parent / "night/ran").iterdir())[1]
    lost.unlink()
    changed = sorted((models.parent / "night/reports").iterdir())[2]
    changed.write_text(changed.read_text()[:-10])  # half a file is no report

    code, out, err = cli("sweep", "models", "--out", "night", "--resume")

    assert (code, err.splitlines()[0]) == (0, "2 of 4 targets are done already")
    assert ran(models) == ["a", "b", "c", "d", "b", "c"]
    assert facts(models.parent / "night") == whole
    assert out.splitlines()[-1].startswith("4 targets: 4 analysed; ")


def test_a_sweep_that_is_killed_loses_what_was_running_and_nothing_else(
    tmp_path: Path, cli: Cli, write_case: Write
) -> None:
    (tmp_path / "models").mkdir()
    for name in "abc":
        write_case(CLEAN, f"models/case_{name}.py")
    waiting = "\nimport os, time\nopen('waits', 'w').close()\nwhile os.path.exists('waits'): time.sleep(0.05)\n"
    (tmp_path / "models/case_c.py").write_text((tmp_path / "models/case_c.py").read_text() + waiting)
    command = [sys.executable, "-m", "steadygraph", "sweep", "models", "--out", "night"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    limit = time.monotonic() + 120
    while not (tmp_path / "waits").exists():
        assert time.monotonic() < limit
        assert process.poll() is None
        time.sleep(0.05)

    process.send_signal(signal.SIGKILL)
    process.wait()
    (tmp_path / "waits").unlink()
    (tmp_path / "models/case_c.py").write_text((tmp_path / "models/case_b.py").read_text())
    code, out, err = cli("sweep", "models", "--out", "night", "--resume")

    assert code == 0
    assert err.splitlines()[0] == "2 of 3 targets are done already"
    assert out.splitlines()[-1].startswith("3 targets: 3 analysed; ")


def test_ctrl_c_tells_what_is_finished(cli: Cli, models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (models / "case_c.py").write_text(f"import os, signal\nos.kill({os.getpid()}, signal.SIGINT)\nwhile True: pass\n")

    code, out, _ = cli("sweep", "models", "--out", "night", "--quiet")

    assert code == 130
    assert out.splitlines()[-1].startswith("4 targets: 2 analysed, 2 not run; ")
    assert "models/case_c.py  not run" in out.splitlines()


def test_shards_merged_are_the_whole(cli: Cli, models: Path) -> None:
    cli("sweep", "models", "--out", "whole", "--quiet")
    for number in (1, 2, 3):
        assert cli("sweep", "models", "--out", f"part{number}", "--shard", f"{number}/3", "--quiet")[0] == 0

    code, out, err = cli("merge", "part2", "part1", "part3", "--out", "merged")

    assert (code, err) == (0, "")
    assert facts(models.parent / "merged") == facts(models.parent / "whole")
    assert [line.split()[0] for line in out.splitlines()[1:5]] == [f"models/case_{name}.py" for name in "abcd"]
    assert cli("merge", "merged") == Ran(code, out, err)


def test_a_shard_that_is_missing_is_no_success(cli: Cli, models: Path) -> None:
    cli("sweep", "models", "--out", "part1", "--shard", "1/2", "--quiet")

    code, out, err = cli("merge", "part1")

    assert (code, err) == (4, "shard 2/2 is not there: its targets are not run\n")
    assert out.splitlines()[-1].startswith("4 targets: 2 analysed, 2 not run; ")


def test_targets_are_listed_and_counted_without_running_any(cli: Cli, models: Path) -> None:
    code, out, err = cli("sweep", "models", "--list", "--shard", "2/3")

    assert (code, out, err) == (0, "models/case_b.py\n", "1 target of 4, shard 2/3\n")
    assert not (models.parent / "ran").exists()


def test_what_took_longest_the_last_time_begins_first(cli: Cli, models: Path) -> None:
    (models / "case_c.py").write_text((models / "case_c.py").read_text() + "\ntime.sleep(0.6)\n")
    cli("sweep", "models", "--out", "nights/1", "--quiet")

    _, _, err = cli("sweep", "models", "--out", "nights/2")

    assert err.splitlines()[0].endswith("/nights/1 begins first")
    assert ran(models)[4] == "c"


def test_a_table_can_be_made_for_a_page(cli: Cli, models: Path) -> None:
    (models / "case_a.py").write_text("raise ValueError('a | b')\n")

    _, out, _ = cli("sweep", "models", "--out", "night", "--quiet", "--format", "markdown")

    lines = out.splitlines()
    assert lines[2:4] == [
        "| target | worst outcome | errors | warnings | notes | rules | s |",
        "|---|---|--:|--:|--:|---|--:|",
    ]
    assert lines[-2] == "|---|---|"
    assert lines[-1].startswith("| models/case\\_a.py | importing models/case\\_a.py raised ValueError: a \\| b")


def test_reports_are_not_kept_in_memory(cli: Cli, models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alive = []
    keep = folder.keep

    def counting(*args: object, **kwargs: object) -> object:
        alive.append(sum(type(one) is CaseReport for one in gc.get_objects()))
        return keep(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(folder, "keep", counting)

    cli("sweep", "models", "--out", "night", "--quiet")

    assert len(alive) == 4
    assert max(alive) == alive[0]


# --- wrong use, and what goes wrong ---------------------------------------------------------------------


def test_a_full_disk_in_the_middle_loses_nothing(cli: Cli, models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_all, written = files.write_all, []

    def full(texts: dict[Path, str]) -> None:
        written.append(1)
        if len(written) == 4:  # the first is sweep.json
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write_all(texts)

    monkeypatch.setattr(files, "write_all", full)
    monkeypatch.setattr(folder, "write_all", full)

    code, out, err = cli("sweep", "models", "--out", "night", "--quiet")

    assert code == 2
    assert err == (
        "error: cannot write the report of models/case_c.py to night: No space left on device\n"
        "  hint: make room, and go on with --resume: what was finished is kept\n"
    )
    assert out.splitlines()[-1].startswith("4 targets: 2 analysed, 2 not run; ")
    assert cli("sweep", "models", "--out", "night", "--resume")[2].startswith("2 of 4 targets are done already\n")


def test_a_folder_holds_one_sweep(cli: Cli, models: Path) -> None:
    cli("sweep", "models", "--out", "night", "--quiet")

    again = cli("sweep", "models", "--out", "night")
    other = cli("sweep", "models", "--out", "night", "--resume", "--policy", "drop")
    shard = cli("sweep", "models", "--out", "night", "--resume", "--shard", "1/2")
    beside = cli("sweep", "models", "--out", "models", "--resume")

    assert [(one.code, one.out) for one in (again, other, shard, beside)] == [(2, "")] * 4
    assert again.err == "error: night holds a sweep already\n  hint: go on with --resume, or name another directory\n"
    assert other.err == (
        "error: night holds a sweep with policy default, not drop\n  hint: go on with the same options\n"
    )
    assert shard.err == "error: night holds shard 1/1, not 1/2\n  hint: give --shard 1/1\n"
    assert beside.err == "error: models holds no sweep to go on with\n  hint: name the directory of one with --out\n"
    assert ran(models) == ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            '{"sweep_version": 2}',
            "night/sweep.json: the sweep has version 2, this steadygraph reads 1\n"
            "  hint: read it with the version of steadygraph that wrote it, or sweep again",
        ),
        (
            "{}",
            "night/sweep.json: this JSON is not the manifest of a sweep: suites: Field required\n"
            "  hint: name a directory that steadygraph sweep wrote",
        ),
        (
            "{",
            "night/sweep.json: this is not the manifest of a sweep: it is no JSON\n"
            "  hint: name a directory that steadygraph sweep wrote",
        ),
        (
            None,
            "night is no directory of a sweep: it has no sweep.json\n"
            "  hint: name a directory that steadygraph sweep wrote",
        ),
    ],
)
def test_what_is_no_sweep_is_told(cli: Cli, tmp_path: Path, content: str | None, said: str) -> None:
    (tmp_path / "night").mkdir()
    if content is not None:
        (tmp_path / "night/sweep.json").write_text(content)

    assert cli("merge", "night") == Ran(2, "", f"error: {said}\n")


def test_parts_of_other_sweeps_are_not_merged(cli: Cli, models: Path) -> None:
    cli("sweep", "models", "--out", "one", "--shard", "1/2", "--quiet")
    cli("sweep", "models", "--out", "of-three", "--shard", "2/3", "--quiet")
    cli("sweep", "models", "--out", "dropped", "--shard", "2/2", "--policy", "drop", "--quiet")
    cli("sweep", "models/case_a.py", "--out", "other", "--shard", "1/2", "--quiet")

    said = [cli("merge", "one", other).err.splitlines()[0] for other in ("one", "of-three", "dropped", "other")]

    assert said == [
        "error: models/case_a.py is in one and in one",
        "error: one is shard 1/2, and of-three is shard 2/3",
        "error: one has policy default, and dropped has drop",
        "error: one and other are parts of other suites",
    ]


def test_a_sweep_needs_a_folder(cli: Cli, models: Path) -> None:
    assert cli("sweep", "models") == Ran(
        2, "", "error: --out is missing\n  hint: name a directory for the reports: --out DIR\n"
    )


# --- one sweep after another ----------------------------------------------------------------------------


def test_two_sweeps_are_compared_by_target_and_only_what_changed_is_shown(
    cli: Cli, tmp_path: Path, write_case: Write
) -> None:
    (tmp_path / "models").mkdir()
    for name, source in (("a", CLEAN), ("b", CLEAN), ("gone", CLEAN), ("left", CLEAN)):
        file = write_case(source, f"models/case_{name}.py")
    file.write_text(file.read_text() + LEFT_OUT)
    cli("sweep", "models", "--out", "one", "--quiet")
    write_case(BROKEN, "models/case_b.py")
    (tmp_path / "models/case_gone.py").unlink()
    cli("sweep", "models", "--out", "two", "--quiet")

    code, out, err = cli("compare", "one", "two")
    back = cli("compare", "two", "one")

    titles = [line for line in out.splitlines() if line.startswith("models/")]
    assert (code, err) == (1, "")
    assert [title.split()[0] for title in titles] == ["models/case_b.py", "models/case_gone.py"]
    assert "  gone    the newer report does not have this case" in out.splitlines()
    assert "4 cases, 2 of them changed: 1 new finding, 0 gone, 0 unchanged;" in " ".join(out.split())
    assert back.code == 0
    assert cli("compare", "one", "one") == Ran(
        0, "4 cases, 0 of them changed: 0 new findings, 0 gone, 0 unchanged; 0 outcomes\nworse, 0 better\n", ""
    )


def test_ray_that_is_not_installed_is_told(cli: Cli, models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)

    assert cli("sweep", "models", "--out", "night", "--ray", "auto") == Ran(
        2, "", 'error: Ray is not installed\n  hint: pip install "steadygraph[ray]"\n'
    )
