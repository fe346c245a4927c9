"""Lines for standard error that somebody else wrote: nothing private, and no commands to whoever reads."""

from __future__ import annotations

from steadygraph.redaction.text import without_values
from steadygraph.report.text.layout import printable

#: Letters of one line; what is longer nobody reads to its end.
_LONGEST = 2000


def readable(text: str) -> str:
    """The lines, each as it stands in a terminal at last, printable, and cut after 2,000 characters.

    A progress bar goes back to the beginning of its line with a carriage return, and writes it again.
    """
    lines = without_values(text).replace("\r\n", "\n").split("\n")
    return "\n".join(_shown(line.rstrip("\r").rpartition("\r")[2]) for line in lines)


def _shown(line: str) -> str:
    line = printable(line.expandtabs())
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}..."
