"""A report in a notebook: the text of the terminal as a piece of HTML that needs nothing around it."""

from __future__ import annotations

import html

from steadygraph.model.run import RunReport
from steadygraph.report.text.layout import Line
from steadygraph.report.text.text import lines

#: Columns: what a cell of a notebook shows without being scrolled.
_WIDTH = 100
#: CSS for the words of which the styles of lines consist; colours that can be read on white and on black.
_CSS = {
    "bold": "font-weight:bold",
    "underline": "text-decoration:underline",
    "italic": "font-style:italic",
    "dim": "opacity:.7",
    "red": "color:#d93f3f",
    "yellow": "color:#a67c00",
    "green": "color:#2e8b57",
    "cyan": "color:#0f8a9d",
    "magenta": "color:#b455c8",
}


def render(report: RunReport) -> str:
    """One ``<pre>`` element: no script, no style sheet, nothing to load, and every text escaped."""
    text = "\n".join(_line(line) for line in lines(report, _WIDTH))
    return f'<pre style="white-space:pre;overflow-x:auto;line-height:1.3">{text}</pre>'


def _line(line: Line) -> str:
    return "".join(_span(span.text, span.style) for span in line)


def _span(text: str, style: str) -> str:
    css = ";".join(_CSS[word] for word in style.split())
    return f'<span style="{css}">{html.escape(text)}</span>' if css else html.escape(text)
