"""The report as a web page: one file that opens from disk, offline, with or without a script."""

from __future__ import annotations

from steadygraph.report.html.page import render

__all__ = ["render"]
