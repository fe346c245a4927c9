"""The rules of this pack; a new one is one more line here."""

from __future__ import annotations

from rule_pack.float64_argument import Float64Argument
from steadygraph.rule import Rule

RULES: tuple[Rule, ...] = (Float64Argument(),)
