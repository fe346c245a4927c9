"""``--write-repro``: one program, of one target."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

Write = Callable[..., Path]
Cli = Callable[..., tuple[int, str, str]]

FAULTY = """
    import torch
    class Windows(torch.nn.Module):
        def forward(self, x):
            windows = x.clone().as_strided((2, 2), (1, 1), 0)
            windows.add_(1.0)
            return windows
    def build(): return Windows()
    def profile(): return (torch.arange(4.0),), {}
    def serving(): return {"again": profile()}
"""


def test_the_program_is_written_where_it_is_wanted_and_named_below_the_findings(cli: Cli, write_case: Write) -> None:
    write_case(FAULTY)

    code, out, _ = cli("analyze", "case.py", "--write-repro", "repro.py", "--no-progress")

    assert code == 1
    assert "backend='aot_eager'" in Path("repro.py").read_text()
    assert "repro.py shows what torch.compile gets wrong: run it, and report it to PyTorch" in " ".join(out.split())


def test_two_targets_have_no_program_in_common(cli: Cli, write_case: Write) -> None:
    write_case(FAULTY)

    code, _, err = cli("analyze", "case.py", "other.py", "--write-repro", "repro.py")

    assert (code, err.splitlines()) == (
        2,
        [
            "error: --write-repro is one program, and 2 targets are given",
            "  hint: analyse one target with it",
        ],
    )
