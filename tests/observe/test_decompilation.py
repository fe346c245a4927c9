"""Decompiled frames, read by a human's eye: what is called with what."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from depyf.code_transform import remove_some_temp
from torch import nn

from steadygraph.observe.graphs import decompilation, profiler_marks, temporaries
from steadygraph.observe.run.session import CompileSession
from steadygraph.torch_private import own_dynamo_state

ROOT = Path(__file__).resolve().parents[2]


class Guarded(nn.Module):
    def forward(self, x, extra=None):
        return x * 2 if extra is None else x * 2 + extra


def code_of_profile_and_serving():
    module = Guarded()
    with own_dynamo_state():
        session = CompileSession([("", module)], options={}, backends={})
        with session.guards_kept(), session.calling(), torch.no_grad():
            module(torch.ones(3))
            session.start("serving")
            module(torch.ones(3), torch.ones(3))
        session.close()
    return [observation.graphs[0].code for observation in session.observations]


def test_code_that_never_touches_an_argument_shows_it():
    profile, serving = code_of_profile_and_serving()

    before, now = (
        next(line.partition("__compiled_fn")[2] for line in code.splitlines() if "__compiled_fn" in line)
        for code in (profile, serving)
    )
    assert re.findall(r"\w+(?=[,)])", before) == ["x"]
    assert sorted(re.findall(r"\w+(?=[,)])", now)) == ["extra", "x"]


class Printing(nn.Module):
    def forward(self, x):
        y = x + 1
        print("so far", end="")
        return torch.sin(y, out=None)


def codes_around_a_break() -> list[str]:
    with own_dynamo_state():
        session = CompileSession([("", module := Printing())], options={}, backends={})
        with session.guards_kept(), session.calling(), torch.no_grad():
            module(torch.ones(3))
        session.close()
    return [graph.code for graph in session.observations[0].graphs]


def test_what_follows_a_break_is_called_with_what_it_needs():
    # How Dynamo names what is built in depends on all that was compiled before in the process.
    program = f"from {__name__} import codes_around_a_break\nprint(repr(codes_around_a_break()))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)

    before, after = ast.literal_eval(done.stdout.removeprefix("so far"))
    assert re.search(r"\['print'\]\('so far', end=''\)", before)
    assert re.search(r"\n    return __resume_at_\d+\(\*\w+\)$", before)
    assert re.search(r"\n    graph_out_0 = __compiled_fn\(y\)\n", after)


def test_the_same_model_gives_the_same_code_again():
    first, second = code_of_profile_and_serving(), code_of_profile_and_serving()

    assert first == second
    assert "record_pregraph_bytecode" not in "".join(first)


@pytest.mark.parametrize(
    "source",
    [
        "t_1 = f(x)\nt_2 = t_1\ny = t_2\n",
        "t_1 = f()\nt_2 = t_1[0]\nt_3 = t_1[1]\ny = (t_2, t_3)\n",
        "t_1 = f()\nt_1[0] = 4\n",
        "t_1 = f(x)\n",
        "if a:\n    t_1 = f(x)\n    y = t_1\n",
        "if a:\n    t_1 = f(x)\ny = t_1\n",
        "t_1 = f(x)\nif a:\n    y = t_1\n",
        "while q:\n    t_1 = f(t_2)\n    t_2 = g(t_1)\n",
        "for t_1 in x:\n    y(t_1)\n",
        "y = t_1\nt_1 = 3\n",
        "t_1 = t_1\n",
        "t_1 = f(x)\nt_1 = g(x)\n",
        "t_1 = t_2 = 4\ny = t_1\nz = t_2\n",
        "t_1 = x\ndel t_1\n",
    ],
)
def test_temporary_variables_are_put_where_depyf_puts_them(source):
    assert temporaries.removed(source, "t_") == remove_some_temp(source, "t_")


@pytest.mark.parametrize(
    "source",
    [
        # torch 2.13
        "t1 = u.record_pregraph_bytecode_enter\nt2 = u.record_pregraph_bytecode_enter()\n"
        "u.record_pregraph_bytecode_exit(t2)\ny = graph(x)\n",
        # torch 2.15
        "t3 = p._is_profiler_enabled\nt2 = u\nt1 = None\nif t3:\n    t1 = t2.record_pregraph_bytecode_enter()\n"
        "if not t1 is None:\n    t2.record_pregraph_bytecode_exit(t1)\n    y = graph(x)\nelse:\n    y = graph(x)\n",
        # the other way round
        "t1 = None\nif t1 is None:\n    y = graph(x)\nelse:\n    u.record_pregraph_bytecode_exit(t1)\n    y = f(x)\n",
        # nothing of the kind
        "y = graph(x)\n",
    ],
)
def test_what_a_profiler_is_told_is_no_part_of_the_code(source):
    assert profiler_marks.removed(source) == "y = graph(x)\n"


def test_what_is_read_besides_stays_when_the_marks_go():
    source = "t2 = u\nif p:\n    t1 = t2.record_pregraph_bytecode_enter()\nif q:\n    y = t2.f()\n"

    assert profiler_marks.removed(source) == "t2 = u\nif q:\n    y = t2.f()\n"


def test_code_that_cannot_be_decompiled_is_no_failure(capfd, recwarn):
    def waiting():  # depyf 0.20 knows no exception handlers
        try:
            yield 1
        except ValueError:
            yield 2

    assert decompilation.decompiled(waiting.__code__) == ""
    assert capfd.readouterr() == ("", "")
    assert not recwarn.list


def test_code_that_nobody_would_read_is_left_alone():
    long = compile("\n".join(f"a{n} = b{n}(c{n})" for n in range(20_000)), "long.py", "exec")

    assert decompilation.decompiled(long) == ""


def test_depyf_is_imported_when_it_is_needed():
    code = "import sys, steadygraph.observe.graphs.decompilation; sys.exit('depyf' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
