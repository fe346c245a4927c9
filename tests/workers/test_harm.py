"""What a target does to the processes around it costs no other target anything, and the right one is blamed."""

from __future__ import annotations

import os
import re
import textwrap
from pathlib import Path

import pytest

from steadygraph.config import Settings
from steadygraph.model import CaseReport, Problem, Status
from steadygraph.workers.order import Analyze
from steadygraph.workers.pool import Request, run

from .conftest import WHOLE, Write, is_gone

#: Relations of a process: who started it, and that one in turn.
PARENTS = """
import multiprocessing, pathlib, tempfile
def parent(pid): return int(pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
own = os.getpid()
keeper = parent(own)
server = parent(keeper)
def pipes():
    for name in os.listdir("/proc/self/fd"):
        try: place = os.readlink(f"/proc/self/fd/{name}")
        except OSError: continue
        if int(name) > 2 and place.startswith("pipe:"): yield int(name)
"""
#: Lines of ``build()``, and how the target ends; None: it is analysed.
ON_DESCRIPTORS: dict[str, tuple[str, tuple[str, str] | None]] = {
    "junk": (
        "for each in pipes(): os.write(each, b'junk')",
        (
            "the target wrote to the descriptor that its report is written to",
            "a target must write only to what it opened: look for os.write in what it calls",
        ),
    ),
    "flood": (
        "while True: [os.write(each, bytes(65536)) for each in pipes()]",
        (
            "the target wrote to the descriptor that its report is written to",
            "a target must write only to what it opened: look for os.write in what it calls",
        ),
    ),
    "wrong_checksum": (
        "from steadygraph.workers.wire import framed\n"
        "    for each in pipes(): os.write(each, framed(b'{}')[:-1] + b'!')",
        (
            "the target wrote to the descriptor that its report is written to",
            "a target must write only to what it opened: look for os.write in what it calls",
        ),
    ),
    "without_end": (
        "from steadygraph.workers import wire\n"
        "    for each in pipes(): os.write(each, wire.framed(b'')[:-40] + (1 << 62).to_bytes(8, 'big') + bytes(32))",
        (
            "the target wrote to the descriptor that its report is written to",
            "a target must write only to what it opened: look for os.write in what it calls",
        ),
    ),
    "all_closed": (
        "os.closerange(3, 1 << 16)",
        (
            "the target closed the descriptor that its report is written to",
            "a target must use and close only what it opened: look for os.closerange in what it calls",
        ),
    ),
    "own_file_in_its_place": (
        "file = open('own_file', 'wb', buffering=0); [os.dup2(file.fileno(), each) for each in pipes()]",
        (
            "the target closed the descriptor that its report is written to",
            "a target must use and close only what it opened: look for os.closerange in what it calls",
        ),
    ),
    "usual_ones_closed": (
        "os.closerange(0, 256); global kept; kept = [open(f'kept_{n}', 'w') for n in range(9)]",
        None,
    ),
    "comes_back_twice": ("os.fork()", None),
}
ON_PROCESSES: dict[str, tuple[str, tuple[str, str] | None]] = {
    "kills_keeper": (
        "os.kill(keeper, signal.SIGKILL); time.sleep(60)",
        (
            "the target ended the process that watches over it",
            "a target must leave the process that started it alone: look for os.getppid() in what it calls",
        ),
    ),
    "terminates_group_of_keeper": (
        "os.killpg(os.getpgid(os.getppid()), signal.SIGTERM); time.sleep(60)",
        (
            "the target ended the process that watches over it",
            "a target must leave the process that started it alone: look for os.getppid() in what it calls",
        ),
    ),
    "stops_keeper": ("os.kill(keeper, signal.SIGSTOP)", None),
    "kills_server": ("os.kill(server, signal.SIGKILL)", None),
    "stops_server": ("os.kill(server, signal.SIGSTOP)", None),
    "removes_temporary_files": (
        "import glob, shutil\n"
        "    for each in glob.glob(tempfile.gettempdir() + '/*steadygraph*'): shutil.rmtree(each, ignore_errors=True)",
        None,
    ),
    "killed": (
        "os.kill(own, signal.SIGKILL)",
        (
            "the target was killed by the system, perhaps out of memory, during importing killed.py",
            "use a smaller configuration of the model, or fewer --jobs",
        ),
    ),
    "leaves_a_daemon": (
        "os.fork() or (os.setsid(), os.fork() or (open('daemon', 'w').write(str(os.getpid())), time.sleep(600)))\n"
        "    while not os.path.exists('daemon') or not open('daemon').read(): time.sleep(0.01)",
        None,
    ),
}


#: What ends with steadygraph's own code in the way, and is the target's doing.
ON_PYTHON: dict[str, tuple[str, tuple[str, str] | None]] = {
    "no_length": (
        "import builtins; builtins.len = lambda each: 1 / 0",
        (
            "the target changed len, and then ZeroDivisionError was raised",
            "a target must leave Python as it is, for what runs beside it",
        ),
    ),
    "no_report": ("from steadygraph.workers import wire; wire.to_bytes = lambda *_: b'{}'", None),
    "no_modules": ("for each in [*sys.modules]: del sys.modules[each]", None),
    "no_descriptors": (
        "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3)); open('/dev/null')",
        (
            "the target raised OSError: [Errno 24] Too many open files: '/dev/null' (no_descriptors.py:18)",
            "set STEADYGRAPH_TRACEBACK=1 to see the whole traceback",
        ),
    ),
    "streams_that_hang": ("sys.stdout = type('S', (), {'flush': lambda self: time.sleep(60)})()", None),
    "streams_that_raise": ("sys.stdout = type('S', (), {'flush': lambda self: sys.exit(3)})()", None),
    "error_of_ours": (
        "from steadygraph import CaseError; raise CaseError(['no', 'text'], hint=5)",
        (
            "the target raised CaseError: ['no', 'text'] hint: 5 (error_of_ours.py:18)",
            "set STEADYGRAPH_TRACEBACK=1 to see the whole traceback",
        ),
    ),
    "huge_exit_code": (
        "sys.exit(10 ** 6000)",
        (
            "the target called sys.exit(<int>) (huge_exit_code.py:18)",
            "a target must not end the process",
        ),
    ),
    "no_source": (
        "os.mkfifo('pipe.py'); exec(compile('raise ValueError(1)', 'pipe.py', 'exec'))",
        (
            "the target raised ValueError: 1 (pipe.py:1)",
            "set STEADYGRAPH_TRACEBACK=1 to see the whole traceback",
        ),
    ),
}


def asked(kinds: dict[str, tuple[str, tuple[str, str] | None]], write_case: Write) -> list[Request]:
    """A target for each, and a healthy one before each that takes long enough to run beside it."""
    for name, (lines, _) in kinds.items():
        write_case(WHOLE + PARENTS + f"def build():\n    {lines}\n", f"{name}.py")
    write_case(WHOLE + "def build(): time.sleep(0.3)\n", "healthy.py")
    return [Request(file) for name in kinds for file in ("healthy.py", f"{name}.py")]


def wanted(kinds: dict[str, tuple[str, tuple[str, str] | None]]) -> list[tuple[str, Problem | None]]:
    pairs = []
    for name, (_, end) in kinds.items():
        pairs += [("healthy.py", None), (f"{name}.py", end and Problem("TargetError", *end))]
    return pairs


def ends(reports: list[CaseReport]) -> list[tuple[str, Problem | None]]:
    assert all((report.status is Status.COMPLETED) == (report.error is None) for report in reports)
    return [(report.target, report.error) for report in reports]


def test_what_a_target_does_to_descriptors_is_its_own_failure(
    write_case: Write, engine: Analyze, tmp_path: Path
) -> None:
    reports = list(run(asked(ON_DESCRIPTORS, write_case), Settings(), jobs=2, timeout_s=60, analyze=engine))

    assert ends(reports) == wanted(ON_DESCRIPTORS)
    assert (tmp_path / "own_file").read_bytes() == b""
    assert [(tmp_path / f"kept_{number}").read_bytes() for number in range(9)] == [b""] * 9


def test_what_a_target_does_to_processes_costs_the_others_nothing(
    write_case: Write, engine: Analyze, tmp_path: Path
) -> None:
    reports = list(run(asked(ON_PROCESSES, write_case), Settings(), jobs=2, timeout_s=60, analyze=engine))

    assert ends(reports) == wanted(ON_PROCESSES)
    assert is_gone(int((tmp_path / "daemon").read_text()))


def test_what_a_target_does_to_python_is_no_fault_of_steadygraph(
    write_case: Write, engine: Analyze, tmp_path: Path
) -> None:
    reports = list(run(asked(ON_PYTHON, write_case), Settings(), jobs=2, timeout_s=30, analyze=engine))

    assert ends(reports) == wanted(ON_PYTHON)


def test_what_a_target_sets_as_a_secret_is_printed_by_nobody(
    write_case: Write, engine: Analyze, capfd: pytest.CaptureFixture[str]
) -> None:
    write_case(
        WHOLE
        + textwrap.dedent("""
        def build():
            os.environ["ITS_PASSWORD"] = "-".join(["correct", "horse", "battery"])
            del os.environ["ITS_PASSWORD"]
            print("here", "-".join(["correct", "horse", "battery"]))
            os.system("echo there correct-horse-battery")
            raise ValueError("correct-horse-battery")
        """)
    )

    (report,) = run([Request("case.py")], Settings(), analyze=engine)

    # What another process prints may come before what this one has kept.
    assert sorted(capfd.readouterr().err.splitlines()) == ["here ***", "there ***"]
    assert report.error is not None
    assert report.error.message == "the target raised ValueError: *** (case.py:12)"


def test_a_neighbour_that_was_killed_is_run_again_and_is_well(
    write_case: Write, engine: Analyze, tmp_path: Path
) -> None:
    write_case(
        WHOLE
        + textwrap.dedent("""
        def build():
            with open("victims", "a") as file: file.write(f"{os.getpid()} ")
            time.sleep(5 if len(open("victims").read().split()) == 1 else 0)
        """),
        "victim.py",
    )
    write_case(
        WHOLE
        + textwrap.dedent("""
        def build():
            while not os.path.exists("victims") or not open("victims").read(): time.sleep(0.01)
            os.kill(int(open("victims").read().split()[0]), signal.SIGKILL)
        """),
        "killer.py",
    )
    started: list[int] = []

    reports = list(
        run(
            [Request("victim.py"), Request("killer.py")],
            Settings(),
            jobs=2,
            timeout_s=60,
            on_start=lambda index, _activity: started.append(index),
            analyze=engine,
        )
    )

    assert ends(reports) == [("victim.py", None), ("killer.py", None)]
    assert len((tmp_path / "victims").read_text().split()) == 2
    assert started == [0, 1]


def test_a_server_that_cannot_be_started_is_told(
    write_case: Write, engine: Analyze, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(preload: object) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr("steadygraph.workers.server.current", refuse)
    write_case(WHOLE)

    (report,) = run([Request("case.py")], Settings(), analyze=engine)

    assert report.error == Problem(
        "InternalError",
        "no worker process could be started: BlockingIOError: [Errno 11] Resource temporarily unavailable",
        "free memory or processes, and run it again",
    )


#: Beyond what a worker has by itself, and little enough for any machine.
LIMIT_BYTES = 400 << 20
GROWING = """
kept = []
def grow(until_bytes=1 << 33):
    while len(kept) < until_bytes >> 20: kept.append(b"x" * (1 << 20)); time.sleep(0.0005)
"""
#: Case texts, and what is said of each but for the amount.
GREEDY = {
    "in_build": (
        "def build(): grow()",
        "the target took N of memory during importing in_build.py (in grow, in_build.py:9), and its limit is 400 MiB",
    ),
    "in_profile": (
        "def profile(): grow()",
        "the target took N of memory during profile() of in_profile.py (in grow, in_profile.py:9), and its limit is "
        "400 MiB",
    ),
    "in_serving": (
        "def serving(): grow()",
        "the target took N of memory during serving() of in_serving.py (in grow, in_serving.py:9), and its limit is "
        "400 MiB",
    ),
    "in_a_process_of_its_own": (
        "def build(): os.fork() or (os.setsid(), grow()); os.wait()",
        "the target took N of memory during importing in_a_process_of_its_own.py (in build, "
        "in_a_process_of_its_own.py:10), and its limit is 400 MiB",
    ),
}


def test_a_target_beyond_its_memory_is_ended_with_amount_and_phase(write_case: Write, engine: Analyze) -> None:
    for name, (text, _) in GREEDY.items():
        write_case(WHOLE + GROWING + f"{text}\n", f"{name}.py")
    write_case(WHOLE + GROWING + "def build(): grow(64 << 20)\n", "modest.py")
    requests = [Request(f"{name}.py") for name in (*GREEDY, "modest")]

    *greedy, modest = run(requests, Settings(), jobs=2, timeout_s=60, memory_limit_bytes=LIMIT_BYTES, analyze=engine)

    said = [report.error.message if report.error else "" for report in greedy]
    assert [re.sub(r"(?<=took )[\d.]+ [MG]iB", "N", message) for message in said] == [end for _, end in GREEDY.values()]
    amounts = [int(amount) for message in said for amount in re.findall(r"took (\d+) MiB", message)]
    assert all(400 <= amount < 900 for amount in amounts), said
    assert {report.error and report.error.hint for report in greedy} == {
        "use a smaller configuration of the model, or give it more with --memory-limit"
    }
    assert modest.status is Status.COMPLETED


def test_what_is_far_beyond_the_limit_the_system_refuses(write_case: Write, engine: Analyze) -> None:
    write_case(WHOLE + f"def profile(): bytearray({4 * LIMIT_BYTES})\n")

    (report,) = run([Request("case.py")], Settings(), memory_limit_bytes=LIMIT_BYTES, analyze=engine)

    assert report.error == Problem(
        "TargetError", "profile() of case.py ran out of memory (case.py:6)", "use a smaller configuration of the model"
    )


def test_a_target_works_where_its_parent_does(
    write_case: Write, engine: Analyze, monkeypatch: pytest.MonkeyPatch
) -> None:
    list(run([Request(str(write_case(WHOLE)))], Settings(), analyze=engine))  # the server is there already
    folder = write_case(
        WHOLE + "def serving(): return {os.environ['WHERE']: ((), {}), os.getcwd(): ((), {}), sys.argv[0]: ((), {})}\n"
    ).parent
    (folder / "below").mkdir()
    monkeypatch.chdir(folder / "below")
    monkeypatch.setenv("WHERE", "h\udcfcre")
    monkeypatch.setattr("sys.argv", ["any"])

    (report,) = run([Request("../case.py")], Settings(), analyze=engine)

    assert report.notes == ("h\\udcfcre", os.getcwd(), "any")
