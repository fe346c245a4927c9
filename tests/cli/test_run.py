"""``steadygraph run``: the script is what it is under Python, and what it compiled is told."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from steadygraph.cli.main import main

from ..conftest import Ran

pytestmark = pytest.mark.usefixtures("nothing_compiled")

#: One function, which an image request has compiled again.
SERVES = """
import torch

def merged(x, image=None):
    return x * 2 if image is None else x + image

serve = torch.compile(merged, backend="eager")
serve(torch.ones(3))
serve(torch.ones(3), torch.ones(3))
"""
LINE = "steadygraph: warning SG101 [serving-1] argument `image` is None at profile, torch.float32[3] on cpu at serving"


@pytest.fixture
def script(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str, name: str = "serve.py") -> Path:
        file = tmp_path / name
        file.write_text(textwrap.dedent(text), encoding="utf-8")
        return file

    return write


def test_a_script_is_run_and_what_it_recompiles_is_told_with_the_line(
    cli: Callable[..., Ran], script: Callable[[str], Path]
) -> None:
    script(SERVES + "print('served')\n")

    ran = cli("run", "serve.py")

    assert (ran.code, ran.out) == (1, "served\n")
    assert ran.err.splitlines()[0] == f"{LINE} (serve.py:5)"
    assert "warning SG101 none-at-profile [serving-1]" in ran.err
    assert ran.err.endswith("1 case, 0 errors, 1 warning, 0 notes\n")


def test_formats_folders_recordings_and_baselines_are_those_of_analyze(
    cli: Callable[..., Ran], script: Callable[[str], Path], tmp_path: Path
) -> None:
    script(SERVES)

    ran = cli("run", "--format", "json", "--report", "reports", "--record", "kept.json", "--quiet", "serve.py")
    judged = cli("judge", "kept.json", "--format", "json")

    report = json.loads(ran.out)
    assert ran.err == ""
    assert [finding["rule"] for finding in report["cases"][0]["findings"]] == ["SG101"]
    assert {"report.json", "report.html", "report.sarif"} <= {file.name for file in (tmp_path / "reports").iterdir()}
    assert json.loads(judged.out)["cases"][0]["findings"] == report["cases"][0]["findings"]
    assert report["cases"][0]["scenarios"][1]["seen"]["calls"] == 1


@pytest.mark.parametrize(
    ("ending", "code"),
    [("sys.exit(0)", 1), ("sys.exit(7)", 7), ("sys.exit('no')", 1), ("raise ValueError('no')", 1), ("pass", 1)],
)
def test_the_exit_code_of_the_script_is_kept(
    ending: str, code: int, cli: Callable[..., Ran], script: Callable[[str], Path]
) -> None:
    script(f"{SERVES}\nimport sys\n{ending}\n")

    assert cli("run", "serve.py").code == code
    assert cli("run", "--fail-on", "never", "serve.py").code == (0 if ending in ("pass", "sys.exit(0)") else code)


def test_arguments_path_and_main_module_are_as_python_sets_them(
    cli: Callable[..., Ran], script: Callable[[str], Path], tmp_path: Path
) -> None:
    shows = """
        import json, sys
        main = sys.modules["__main__"]
        print(json.dumps([sys.argv, sys.path[0], __name__, __file__, main.__dict__ is globals(), __spec__ is None]))
    """
    file = script(shows)
    before = list(sys.argv), list(sys.path), sys.modules["__main__"]

    ran = cli("run", "--quiet", "serve.py", "--report", "x", "-m")
    alone = subprocess.run(
        [sys.executable, "serve.py", "--report", "x", "-m"], cwd=tmp_path, capture_output=True, text=True, check=True
    )

    assert json.loads(ran.out) == json.loads(alone.stdout)
    assert json.loads(ran.out)[3] == str(file)
    assert (list(sys.argv), list(sys.path), sys.modules["__main__"]) == before


def test_a_module_is_run_as_python_does(
    cli: Callable[..., Ran], script: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(SERVES + "import sys\nprint(sys.argv, __name__, __spec__.name)\n", "served_module.py")

    ran = cli("run", "-m", "served_module", "-x", "1")

    assert ran.out == f"{[str(tmp_path / 'served_module.py'), '-x', '1']} __main__ served_module\n"
    assert ran.err.splitlines()[0] == f"{LINE} (served_module.py:5)"


def test_a_traceback_has_no_frame_of_ours(
    cli: Callable[..., Ran], script: Callable[[str], Path], tmp_path: Path
) -> None:
    script("def inner():\n    raise ValueError('no')\n\ninner()\n")

    ran = cli("run", "--quiet", "serve.py")
    alone = subprocess.run([sys.executable, "serve.py"], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert ran.code == alone.returncode == 1
    assert ran.err.startswith(alone.stderr)


def test_a_script_that_compiles_nothing_is_said_to(cli: Callable[..., Ran], script: Callable[[str], Path]) -> None:
    script("print('nothing')\n")

    ran = cli("run", "serve.py")

    assert (ran.code, ran.out) == (0, "nothing\n")
    assert "nothing that torch.compile made was called while the process was watched" in ran.err


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["gone.py"], "error: no such file: gone.py\n  hint: give the script to run, or -m and a module\n"),
        (["."], "error: . is no file\n  hint: give the script to run, or -m and a module\n"),
    ],
)
def test_a_script_that_is_not_there_is_wrong_use(arguments: list[str], problem: str, cli: Callable[..., Ran]) -> None:
    assert cli("run", *arguments) == Ran(2, "", problem)


def started(file: Path, *options: str) -> subprocess.Popen[str]:
    """A process of its own: how it ends is what the test is about."""

    def heed_ctrl_c() -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # whatever started the tests, it may have ignored it

    command = [sys.executable, "-m", "steadygraph", "run", *options, str(file)]
    return subprocess.Popen(
        command,
        cwd=file.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=heed_ctrl_c,
    )


@pytest.mark.parametrize(
    ("ending", "code"),
    [("os._exit(5)", 5), ("os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL)],
    ids=["os._exit", "SIGKILL"],
)
def test_what_was_found_is_on_disk_however_the_process_ends(
    ending: str, code: int, script: Callable[[str], Path], tmp_path: Path
) -> None:
    file = script(f"import os, signal\nos.environ['SEEN'] = '1'\n{SERVES}\n{ending}\n")

    process = started(file, "--report", "reports")
    _, errors = process.communicate(timeout=120)

    assert process.returncode == code, errors
    report = json.loads((tmp_path / "reports" / "report.json").read_text(encoding="utf-8"))
    assert [finding["rule"] for finding in report["cases"][0]["findings"]] == ["SG101"]


def test_ctrl_c_ends_the_script_as_it_would_and_the_summary_comes(
    script: Callable[[str], Path], tmp_path: Path
) -> None:
    file = script(f"{SERVES}\nopen('reached', 'w').close()\nimport time\ntime.sleep(600)\n")

    process = started(file)
    until = time.monotonic() + 100
    while not (tmp_path / "reached").exists() and time.monotonic() < until:
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)

    assert process.returncode == 130
    assert "KeyboardInterrupt\n" in errors
    assert errors.endswith("interrupted: 1 case, 0 errors, 1 warning, 0 notes\n")


def test_threads_that_were_there_before_the_script_are_not_waited_for(
    cli: Callable[..., Ran], script: Callable[[str], Path]
) -> None:
    script("print('ran')\n")
    ended = threading.Event()
    other, limit = threading.Thread(target=ended.wait), threading.Timer(60, ended.set)
    other.start()
    limit.start()

    ran = cli("run", "serve.py")

    waited = ended.is_set()
    limit.cancel()
    ended.set()
    other.join()
    assert (ran.code, ran.out, waited) == (0, "ran\n", False)


def test_a_thread_of_the_script_is_watched_to_its_end_and_an_executor_that_was_left_open_ends_nothing_later(
    script: Callable[[str], Path],
) -> None:
    file = script(
        SERVES.replace("serve(torch.ones(3), torch.ones(3))", "")
        + """
import threading, time
from concurrent.futures import ThreadPoolExecutor

pool = ThreadPoolExecutor(1)
print(pool.submit(serve, torch.ones(3)).result().tolist())
threading.Thread(target=lambda: (time.sleep(0.3), serve(torch.ones(3), torch.ones(3)))).start()
"""
    )
    command = [sys.executable, "-m", "steadygraph", "run", file.name]

    done = subprocess.run(command, cwd=file.parent, capture_output=True, text=True, check=False, timeout=120)

    assert (done.returncode, done.stdout) == (1, "[2.0, 2.0, 2.0]\n")
    assert done.stderr.splitlines()[0] == f"{LINE.replace('serving-1', 'serving-2')} (serve.py:5)"


def test_what_a_script_sets_before_it_imports_torch_has_its_effect(
    script: Callable[[str], Path], tmp_path: Path
) -> None:
    file = script("import sys\nprint('torch' in sys.modules)\n")

    process = started(file, "--quiet")
    out, _ = process.communicate(timeout=60)

    assert (process.returncode, out) == (0, "False\n")


def test_the_command_explains_itself(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--help"]) == 0
    assert "Run a script and watch what it compiles" in capfd.readouterr().out
