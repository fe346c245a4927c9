"""A profile call that raises for a reason that a rule knows: findings, exit code 1, and nothing on stderr."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from ..conftest import Ran

Write = Callable[..., Path]
Cli = Callable[..., Ran]

_MARK = """
import torch
class Rows(torch.nn.Module):
    def forward(self, x):
        if x.shape[0] == 4:
            return x + 1
        return x * 2
def build(): return Rows()
def mark(args, kwargs): torch._dynamo.mark_dynamic(args[0], 0)
def profile(): return (torch.ones(4, 8),), {}
def serving(): return {"same": ((torch.ones(4, 8),), {})}
"""
_DEVICES = """
import torch
DEVICE = "cuda"
class Biased(torch.nn.Module):
    def forward(self, x):
        bias = torch.ones(8)
        return (x + bias) if len(x) == 4 else x.view(3)
def build(): return Biased()
def profile(): return (torch.ones(4, 8, device=DEVICE),), {}
def serving(): return {"other": ((torch.ones(5, 8, device=DEVICE),), {})}
"""
_UNKNOWN = """
import torch
class Product(torch.nn.Module):
    def forward(self, x):
        return x @ torch.ones(3, 3)
def build(): return Product()
def profile(): return (torch.ones(4, 8),), {}
def serving(): return {"same": ((torch.ones(4, 8),), {})}
"""


def test_a_mark_that_the_code_breaks_is_a_finding_and_torch_prints_nothing_of_its_own(write_case: Write) -> None:
    file = write_case(_MARK)

    ran = subprocess.run(
        [sys.executable, "-m", "steadygraph", "analyze", file.name], cwd=file.parent, capture_output=True, text=True
    )

    assert (ran.returncode, ran.stderr) == (1, "")
    assert (
        ran.stdout
        == """\
case.py (9 guards, 1 graph)
           recompile  drop
  profile  raises     raises
  same     same       same

  error SG211 broken-mark [profile]: raises under recompile and drop
    dimension 0 of `x` is marked as dynamic, and the code holds for size 4 only:
    `if x.shape[0] == 4:`; torch.compile raises ConstraintViolationError
    case.py:5 in forward: if x.shape[0] == 4:
    fix: Write the code for every size, or mark the dimension with
         torch._dynamo.maybe_mark_dynamic(x, 0).
  torch.compile refuses the profile call with mark_dynamic: the scenarios are
    judged as if by maybe_mark_dynamic

1 case, 1 error, 0 warnings, 0 notes
"""
    )


def test_devices_that_meet_in_the_profile_call_are_a_finding_and_the_scenarios_are_told_what_eager_mode_does(
    cli: Cli, write_case: Write
) -> None:
    write_case(_DEVICES)

    code, out, err = cli("analyze", "case.py")

    assert (code, err) == (1, "")
    assert (
        out
        == """\
case.py
           recompile  drop
  profile  raises     raises
  other    unproved   unproved

  error SG601 serving-error [other]: raises, in eager mode too
    eager mode raises RuntimeError: shape '[3]' is invalid for input of size 40
    case.py:7 in forward: return (x + bias) if len(x) == 4 else x.view(3)
    fix: Repair the line that raises: the warm-up never came to it.
  error SG701 device-mismatch [profile]
    raises, in eager mode too: FakeTensorDeviceMismatchError: Expected all
      tensors to be on the same device, but found at least two devices, cuda:0
      and cpu!
    aten.add gets self on cuda:0, other on cpu at line 7 in `forward`; line 6 in
    `forward` made `other`, and eager mode raises FakeTensorDeviceMismatchError
    case.py:6 in forward: bias = torch.ones(8)
    fix: Create the tensor on the device of the others: device=x.device.
  cuda is simulated (NVIDIA H100 80GB HBM3): tensors on it have no values,
    results no proof
  the profile call raises: no scenario is compared with it, and none is proved

1 case, 2 errors, 0 warnings, 0 notes
"""
    )


def test_an_error_that_no_rule_knows_is_a_target_that_failed(cli: Cli, write_case: Write) -> None:
    write_case(_UNKNOWN)

    code, out, err = cli("analyze", "case.py")

    assert (code, err) == (4, "")
    assert (
        out
        == """\
case.py
  failed (TargetError): the profile call raised in eager mode: RuntimeError:
    mat1 and mat2 shapes cannot be multiplied (4x8 and 3x3) (case.py:5 in
    forward)
  hint: make the profile call run first: everything else is compared with it

1 case (1 failed), 0 errors, 0 warnings, 0 notes
"""
    )


def test_a_broken_mark_is_the_failure_of_the_target_where_its_rule_is_not_asked(cli: Cli, write_case: Write) -> None:
    write_case(_MARK)

    code, out, _ = cli("analyze", "case.py", "--ignore", "SG211")

    assert code == 4
    assert "failed (TargetError): the profile call raised under torch.compile:\n" in out
