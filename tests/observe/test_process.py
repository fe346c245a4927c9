"""preserved(): whatever a block does to the process is undone."""

import os
import random
import sys
import threading
import warnings

import numpy as np
import pytest
import torch
import torch._inductor.config

from steadygraph.observe.state.process import preserved, seeded


def draws():
    return torch.rand(2).tolist(), random.random(), np.random.rand()


def test_random_generators_go_on_where_they_were():
    seeded(3)
    undisturbed = draws(), draws()
    seeded(3)
    first = draws()

    with preserved():
        seeded(5)
        draws()

    assert (first, draws()) == undisturbed


def test_seeded_gives_the_same_numbers_again():
    seeded(2**40)
    first = draws()
    seeded(2**40)

    assert draws() == first


def switches():
    from torch._dynamo import eval_frame

    return {
        "grad": torch.is_grad_enabled(),
        "dtype": torch.get_default_dtype(),
        "device": torch.get_default_device(),
        "device function": torch.ones(1).device,
        "threads": torch.get_num_threads(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "warn only": torch.is_deterministic_algorithms_warn_only_enabled(),
        "autocast": (
            torch.is_autocast_enabled("cpu"),
            torch.get_autocast_dtype("cpu"),
            torch.is_autocast_cache_enabled(),
        ),
        "precision": torch.get_float32_matmul_precision(),
        "filters": list(warnings.filters),
        "recompile limit": torch._dynamo.config.recompile_limit,
        "a setting of inductor": torch._inductor.config.max_autotune,
        "a set of a configuration": set(torch._dynamo.config.reorderable_logging_functions),
        "a list that was replaced": list(torch._inductor.config.external_matmul),
        "stance": eval_frame._stance,
        "directory": os.getcwd(),
        "path": list(sys.path),
        "argv": list(sys.argv),
        "environment": dict(os.environ),
        "modes": len(torch.overrides._get_current_function_mode_stack()),
    }


def upset(directory):
    torch.set_grad_enabled(False)
    torch.set_default_dtype(torch.float64)
    torch.set_default_device("meta")
    torch.set_num_threads(torch.get_num_threads() + 1)
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.set_autocast_enabled("cpu", True)
    torch.set_autocast_dtype("cpu", torch.float16)
    torch.set_autocast_cache_enabled(False)
    torch.set_float32_matmul_precision("medium")
    warnings.filterwarnings("ignore", message="a message of this test")
    torch._dynamo.config.recompile_limit = 1
    torch._inductor.config.max_autotune = not torch._inductor.config.max_autotune
    torch._dynamo.config.reorderable_logging_functions.add(print)
    torch._inductor.config.external_matmul = [torch.mm]
    torch.compiler.set_stance("force_eager")
    os.chdir(directory)
    sys.path.insert(0, "nowhere")
    sys.argv.append("--more")
    os.environ["STEADYGRAPH_TEST"] = "1"
    os.environ.pop("PATH")


def test_every_switch_of_the_process_comes_back(tmp_path):
    with preserved():  # Dynamo's import sets some filters of its own
        pass
    before = switches()
    path, argv = sys.path, sys.argv

    with preserved():
        upset(tmp_path)
        during = switches()

    assert [name for name in before if before[name] == during[name]] == []
    assert switches() == before
    assert (sys.path, sys.argv) == (path, argv)
    assert sys.path is path


def test_every_switch_comes_back_after_an_exception_too(tmp_path):
    with preserved():
        pass
    before = switches()

    def fail():
        with preserved():
            upset(tmp_path)
            raise RuntimeError("out")

    with pytest.raises(RuntimeError, match=r"^out$"):
        fail()

    assert switches() == before


def test_a_default_device_of_the_user_is_kept():
    torch.set_default_device("meta")
    try:
        with preserved():
            torch.set_default_device("cpu")
        assert torch.ones(1).device.type == "meta"
    finally:
        torch.set_default_device(None)


def test_what_is_unchanged_is_not_set(monkeypatch):
    set_to = []
    monkeypatch.setattr(torch, "set_num_threads", set_to.append)

    with preserved():
        pass

    assert set_to == []


def test_a_directory_that_is_gone_does_not_stop_the_rest(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    gone = tmp_path / "gone"
    gone.mkdir()
    os.chdir(gone)
    gone.rmdir()

    with preserved():
        torch.set_default_dtype(torch.float64)
        os.chdir(tmp_path)

    assert torch.get_default_dtype() is torch.float32


def test_a_directory_that_is_removed_in_the_block_does_not_stop_the_rest(tmp_path, monkeypatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)

    with preserved():
        torch.set_default_dtype(torch.float64)
        gone.rmdir()

    assert torch.get_default_dtype() is torch.float32


def test_it_works_in_a_thread():
    failures = []

    def work():
        try:
            with preserved():
                torch.set_grad_enabled(False)
            assert torch.is_grad_enabled()
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()

    assert failures == []
