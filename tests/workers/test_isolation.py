"""Targets in processes of their own: whatever a target does, its report says so and the others are analysed."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from steadygraph.config import Settings
from steadygraph.model import CaseReport, Problem, Status
from steadygraph.workers.order import Analyze
from steadygraph.workers.pool import Request, run

from .conftest import WHOLE, Write, is_gone, wait_for


@pytest.fixture
def report_of(write_case: Write, engine: Analyze) -> Callable[..., CaseReport]:
    """The report of a case file that ends with this text."""

    def report(text: str, *, timeout_s: float | None = 60.0) -> CaseReport:
        write_case(WHOLE + textwrap.dedent(text))
        (only,) = run([Request("case.py")], Settings(), timeout_s=timeout_s, analyze=engine)
        return only

    return report


def targets(count: int, write_case: Write, text: str = "") -> list[Request]:
    for number in range(count):
        write_case(WHOLE + textwrap.dedent(text), f"case_{number}.py")
    return [Request(f"case_{number}.py") for number in range(count)]


# --- what a target does to its process --------------------------------------------------------------------


def test_a_target_is_analysed_with_the_settings(write_case: Write, engine: Analyze) -> None:
    write_case(WHOLE)

    (report,) = run([Request("case.py")], Settings(select=("SG1",)), analyze=engine)

    assert (report.target, report.status, report.notes) == ("case.py", Status.COMPLETED, ("image", "SG1"))
    assert 0 < report.duration_s < 10


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        (
            "def build(): os.kill(os.getpid(), signal.SIGSEGV)",
            "the target was ended by signal SIGSEGV (in build, case.py:6)",
            "native code that was called from there crashed: look at C++ extensions and kernels of the target",
        ),
        (
            "def build(): os.abort()",
            "the target was ended by signal SIGABRT (in build, case.py:6)",
            "native code that was called from there crashed: look at C++ extensions and kernels of the target",
        ),
        (
            "def build(): os.kill(os.getpid(), signal.SIGKILL)",
            "the target was killed by the system, perhaps out of memory, during importing case.py",
            "use a smaller configuration of the model, or fewer --jobs",
        ),
        (
            "def build(): os.kill(os.getpid(), signal.SIGUSR1)",
            "the target was ended by signal SIGUSR1",
            "look for what sends this signal, in the target or outside of it",
        ),
        (
            "def build(): os._exit(3)",
            "the target ended its process with exit code 3",
            "a target must not end the process: look for os._exit in what it calls",
        ),
        (
            "def build(): os._exit(0)",
            "the target ended its process with exit code 0",
            "a target must not end the process: look for os._exit in what it calls",
        ),
        (
            "def build(): sys.exit('enough')",
            "the target called sys.exit('enough') (case.py:6)",
            "a target must not end the process",
        ),
        (
            "def profile(): sys.exit()",
            "profile() of case.py called sys.exit() (case.py:6)",
            "a target must not end the process",
        ),
        (
            "def build(): raise KeyboardInterrupt",
            "the target raised KeyboardInterrupt",
            "a target must not end the process",
        ),
        (
            "def build(): bytearray(1 << 60)",
            "the target ran out of memory (case.py:6)",
            "use a smaller configuration of the model",
        ),
        (
            "import no_such_module",
            "importing case.py raised ModuleNotFoundError: No module named 'no_such_module' (case.py:6)",
            "install it into the environment of steadygraph, or add its directory to PYTHONPATH",
        ),
    ],
    ids=[
        "SIGSEGV",
        "SIGABRT",
        "SIGKILL",
        "SIGUSR1",
        "_exit",
        "_exit_0",
        "exit",
        "exit_in_profile",
        "KeyboardInterrupt",
        "MemoryError",
        "ImportError",
    ],
)
def test_the_end_of_a_target_is_its_own_failure(
    report_of: Callable[..., CaseReport], text: str, message: str, hint: str
) -> None:
    report = report_of(text)

    assert (report.status, report.error) == (Status.FAILED, Problem("TargetError", message, hint))


def test_a_case_that_cannot_be_used_keeps_the_kind_of_its_error(report_of: Callable[..., CaseReport]) -> None:
    report = report_of("del serving")

    hint = "add a function serving() that returns {name: (args, kwargs)} of the serving calls"
    assert report.error == Problem("CaseError", "case.py defines no serving()", hint)


@pytest.mark.parametrize(
    "text", ["def build(): time.sleep(600)", "def build(): sum(range(10**12))"], ids=["waits", "computes"]
)
def test_a_target_that_hangs_is_stopped_where_it_stood(report_of: Callable[..., CaseReport], text: str) -> None:
    report = report_of(text, timeout_s=0.5)

    hint = "give it more time with --timeout, or look for what it waits for"
    message = "the target did not finish within 0.5 s (in build, case.py:6)"
    assert (report.status, report.error) == (Status.TIMED_OUT, Problem("TargetError", message, hint))
    assert 0.5 <= report.duration_s < 5


def test_a_hanging_target_takes_its_own_processes_with_it(report_of: Callable[..., CaseReport], tmp_path: Path) -> None:
    report_of(
        """
        import subprocess
        def build():
            child = subprocess.Popen(["sleep", "600"])
            open("pid", "w").write(str(child.pid))
            child.wait()
        """,
        timeout_s=1.0,
    )

    assert is_gone(int((tmp_path / "pid").read_text()))


def test_a_finished_target_leaves_no_process_and_no_thread_behind(
    report_of: Callable[..., CaseReport], tmp_path: Path
) -> None:
    report = report_of(
        """
        import atexit, subprocess
        open("pid", "w").write(str(subprocess.Popen(["sleep", "600"]).pid))
        threading.Thread(target=time.sleep, args=(600,)).start()
        atexit.register(time.sleep, 600)
        """
    )

    assert report.status is Status.COMPLETED
    assert is_gone(int((tmp_path / "pid").read_text()))


def test_a_target_may_change_directory_and_print(
    report_of: Callable[..., CaseReport], capfd: pytest.CaptureFixture[str]
) -> None:
    before = Path.cwd()

    report = report_of(
        """
        print("from Python")
        def build():
            os.chdir("/")
            os.write(1, b"from below\\n")
        """
    )

    assert (report.status, Path.cwd()) == (Status.COMPLETED, before)
    # What the server was started with is standard error of the first test that needed it: only the other is looked at.
    assert capfd.readouterr().out == ""


def test_a_large_report_arrives_whole(report_of: Callable[..., CaseReport]) -> None:
    report = report_of("def serving(): return {'x' * 5_000_000: ((), {})}")

    assert [len(note) for note in report.notes] == [5_000_000]


def test_an_error_of_steadygraph_is_told_as_such(write_case: Write, engine: Analyze) -> None:
    write_case(WHOLE)
    stumble = sys.modules["stand_in_engine"].stumble

    (report,) = run([Request("case.py")], Settings(), analyze=stumble)

    assert report.error is not None
    assert report.error.type == "InternalError"
    said = "steadygraph failed: AttributeError: 'NoneType' object has no attribute 'lower'\n"
    assert report.error.message.startswith(said)
    assert "near_miss.py" in report.error.message.splitlines()[-3]
    assert report.error.hint == "report this; set STEADYGRAPH_TRACEBACK=1 to see the whole traceback"


# --- several targets ------------------------------------------------------------------------------------------


def test_reports_come_in_the_order_of_the_targets_whatever_ends_first(write_case: Write, engine: Analyze) -> None:
    requests = targets(3, write_case)
    write_case(WHOLE + "time.sleep(1)\n", "case_0.py")
    ended: list[int] = []

    reports = run(requests, Settings(), jobs=3, on_done=lambda index, report: ended.append(index), analyze=engine)

    assert [report.target for report in reports] == ["case_0.py", "case_1.py", "case_2.py"]
    assert ended[-1] == 0


def test_the_others_are_analysed_when_one_crashes(write_case: Write, engine: Analyze) -> None:
    requests = targets(3, write_case)
    write_case(WHOLE + "os.abort()\n", "case_1.py")

    reports = list(run(requests, Settings(), analyze=engine))

    assert [report.status for report in reports] == [Status.COMPLETED, Status.FAILED, Status.COMPLETED]


def test_no_more_targets_run_at_once_than_allowed(write_case: Write, engine: Analyze) -> None:
    requests = targets(5, write_case, "time.sleep(0.2)")
    running: set[int] = set()
    most = 0

    def start(index: int, _activity: object) -> None:
        nonlocal most
        running.add(index)
        most = max(most, len(running))

    list(
        run(
            requests,
            Settings(),
            jobs=2,
            on_start=start,
            on_done=lambda index, report: running.discard(index),
            analyze=engine,
        )
    )

    assert (most, running) == (2, set())


def test_an_interrupt_ends_all_targets_and_keeps_what_was_finished(
    write_case: Write, engine: Analyze, tmp_path: Path
) -> None:
    requests = targets(2, write_case, "open(f'pid_{__file__[-4]}', 'w').write(str(os.getpid())); time.sleep(600)")
    write_case(WHOLE, "quick.py")
    finished: list[str] = []

    def done(index: int, report: CaseReport) -> None:
        finished.append(report.target)
        wait_for(tmp_path / "pid_0")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(run([*requests, Request("quick.py")], Settings(), jobs=3, on_done=done, analyze=engine))

    assert finished == ["quick.py"]
    assert is_gone(int((tmp_path / "pid_0").read_text()))


def test_targets_end_with_a_parent_that_is_killed(write_case: Write, tmp_path: Path, engine: Analyze) -> None:
    write_case(WHOLE + "open('pid', 'w').write(str(os.getpid())); time.sleep(600)\n")
    code = """
        from steadygraph.config import Settings
        from steadygraph.workers.pool import Request, run
        if __name__ == "__main__":
            list(run([Request("case.py")], Settings()))
    """
    parent = subprocess.Popen([sys.executable, write_case(code, "parent.py")])
    wait_for(tmp_path / "pid")

    parent.send_signal(signal.SIGKILL)
    parent.wait()

    assert is_gone(int((tmp_path / "pid").read_text()))


def test_importing_the_isolation_imports_no_torch() -> None:
    code = "import sys, steadygraph.workers.pool; sys.exit('torch' in sys.modules)"

    done = subprocess.run([sys.executable, "-c", code], check=False)

    assert done.returncode == 0
