"""The formats of a report: one line each; what renders it is imported when it is asked for."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass

from steadygraph.report import collector
from steadygraph.report.portable import Renderable


@dataclass(frozen=True, slots=True)
class Format:
    """A format.

    Args:
        module: Its module in ``steadygraph.report``.
        function: Takes a report, gives its text.
        file: Its file in a folder of reports; None: it is none of them.
    """

    module: str
    function: str = "render"
    file: str | None = None


FORMATS = {
    "text": Format("text.text"),
    "json": Format("json.codec", "to_json", "report.json"),
    "sarif": Format("ci.sarif", file="report.sarif"),
    "junit": Format("ci.junit", file="report.junit.xml"),
    "markdown": Format("ci.markdown", file="report.md"),
    "github": Format("ci.github"),
    "html": Format("html", file="report.html"),
}


def renderer(name: str) -> Callable[[Renderable], str]:
    """The function that renders this format."""
    chosen = FORMATS[name]
    module = importlib.import_module(f"steadygraph.report.{chosen.module}")
    render: Callable[[Renderable], str] = getattr(module, chosen.function)
    return collector.paused()(render)
