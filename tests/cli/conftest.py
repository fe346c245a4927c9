"""Cases for the command line: small ones, whose findings are known beforehand."""

from __future__ import annotations

#: Nothing differs, so there is nothing to find.
CLEAN = """
    import torch
    class Double(torch.nn.Module):
        def forward(self, x, extra=None):
            return x * 2 if extra is None else x * 2 + extra
    def build(): return Double()
    def profile(): return (torch.ones(3),), {}
    def serving(): return {"same": ((torch.zeros(3),), {})}
"""
#: The argument that is None at profile is dropped without a word.
BROKEN = (
    CLEAN
    + """
    def serving(): return {"extra": ((torch.zeros(3), torch.ones(3)), {})}
"""
)
RAISING = (
    CLEAN
    + """
    def profile(): raise ValueError("no input")
"""
)
