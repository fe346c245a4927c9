"""A sweep on a real Ray cluster of two nodes on this machine: ``make ray`` runs these tests."""

from __future__ import annotations

import functools
import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from steadygraph.sweep import folder
from steadygraph.workers import pool

from ..conftest import Ran
from ..workers.conftest import ENGINE, WHOLE

ray = pytest.importorskip("ray")

Cli = Callable[..., Ran]
Write = Callable[..., Path]

#: Says that it runs, and waits until it may go on.
WAITING = f"""
{WHOLE}
def build():
    with open("ran", "a") as file: file.write(f"{{os.getpid()}}\\n")
    while not os.path.exists("go"): time.sleep(0.05)
"""
#: What came before it: the keeper, the server, the process of the task.
KILLING = f"""
{WHOLE}
def parent(pid): return int(open(f"/proc/{{pid}}/stat").read().rpartition(")")[2].split()[1])
def build():
    with open("kills", "a") as file: file.write("once\\n")
    os.kill(parent(parent(os.getppid())), signal.SIGKILL)
    time.sleep(60)
"""


@pytest.fixture
def cluster() -> Iterator[Any]:
    from ray.cluster_utils import Cluster

    node = {"num_cpus": 1, "object_store_memory": 80 << 20}
    made = Cluster(initialize_head=True, head_node_args={**node, "include_dashboard": False})
    made.second = made.add_node(**node)
    made.wait_for_nodes()
    yield made
    if ray.is_initialized():
        ray.shutdown()
    made.shutdown()


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write_case: Write) -> Iterator[Path]:
    write_case(ENGINE, "stand_in_engine.py")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    import stand_in_engine

    monkeypatch.setattr(pool, "orders", functools.partial(pool.orders, analyze=stand_in_engine.analyze))
    (tmp_path / "models").mkdir()
    yield tmp_path / "models"
    del sys.modules["stand_in_engine"]


def facts(place: Path) -> list[dict[str, object]]:
    found = [json.loads(file.read_text()) for file in sorted((place / "ran").glob("*.json"))]
    return [{name: one[name] for name in one.keys() - {"seconds", "peak_bytes", "digest"}} for one in found]


def test_a_node_that_is_lost_costs_its_targets_nothing(cli: Cli, cluster: Any, models: Path) -> None:
    for name in "abcd":
        (models / f"case_{name}.py").write_text(WAITING)
    (models / "case_e.py").write_text(f"{WHOLE}\ndef profile(): raise ValueError('no input')\n")
    started = models.parent / "ran"

    def lose_a_node() -> None:
        limit = time.monotonic() + 120
        while time.monotonic() < limit and not (started.exists() and len(started.read_text().split()) == 2):
            time.sleep(0.05)
        both = started.read_text().split()
        cluster.remove_node(cluster.second, allow_graceful=False)
        while time.monotonic() < limit and all(Path(f"/proc/{pid}").exists() for pid in both):
            time.sleep(0.05)  # what runs there notices in a moment, and could be done by then
        (models.parent / "go").touch()

    losing = threading.Thread(target=lose_a_node)
    losing.start()
    code, out, _ = cli("sweep", "models", "--out", "on-ray", "--ray", cluster.address, "--quiet")
    losing.join()
    assert cli("sweep", "models", "--out", "here", "--quiet").code == code == 4

    assert out.splitlines()[-1].startswith("5 targets: 4 analysed, 1 failed; ")
    assert len(started.read_text().split()) == 4 + 1 + 4  # one of them twice, and all of them here
    assert facts(models.parent / "on-ray") == facts(models.parent / "here")


def test_a_target_that_ends_its_task_is_charged_with_it(
    cli: Cli, cluster: Any, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("steadygraph.sweep.cluster._NOTICED_S", 2.0)
    (models.parent / "go").touch()
    (models / "case_a.py").write_text(WAITING)
    (models / "case_b.py").write_text(KILLING)
    (models / "case_c.py").write_text(WAITING)

    code, _, _ = cli("sweep", "models", "--out", "night", "--ray", cluster.address, "--quiet")

    a, b, c = folder.read(models.parent / "night").entries
    assert (code, a.problem, c.problem) == (4, None, None)
    assert b.problem is not None
    assert b.problem.message == "the target ended the process that analyses it, 2 times (WorkerCrashedError)"
    assert (models.parent / "kills").read_text().split() == ["once", "once"]


def test_where_no_cluster_is_nothing_is_swept(cli: Cli, models: Path) -> None:
    (models / "case_a.py").write_text(WHOLE)

    code, out, err = cli("sweep", "models", "--out", "night", "--ray", "127.0.0.1:9")

    assert (code, out) == (2, "")
    assert err == (
        "error: there is no Ray cluster at 127.0.0.1:9: [Errno 111] Connection refused\n"
        "  hint: start one with ray start --head, or use --ray local\n"
    )
    assert not (models.parent / "night").exists()
