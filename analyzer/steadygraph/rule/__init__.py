"""What a rule is, and how packs of rules are loaded and asked.  Rules import these names, and ``steadygraph.model``."""

from steadygraph.rule.rule import HEADINGS, Example, Message, Rule, clauses, spread

__all__ = ["HEADINGS", "Example", "Message", "Rule", "clauses", "spread"]
