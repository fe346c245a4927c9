"""A page as a reader gets it: findings, differences, graphs with an added input, source, code."""

from __future__ import annotations

from dataclasses import replace

import pytest

from steadygraph.model import CaseReport, SourceExcerpt
from steadygraph.report.document import Report

from .graphs import case_of, decoder

ENVIRONMENT = {"python": "3.11.7", "torch": "2.13.0", "device": "cpu"}
SOURCE = SourceExcerpt(
    "examples/model.py",
    38,
    (
        "    def forward(self, h):",
        "        h = self.embed(h)",
        "",
        "        if deepstack is not None:",
        "            h = h + 1",
    ),
)


@pytest.fixture
def pictured(broken: CaseReport) -> CaseReport:
    """The broken case, with the graphs of its calls and the lines around its finding."""
    graphs = case_of([decoder(12, "a")], [decoder(12, "b", added=3)])
    image = replace(broken.scenarios[2], calls=graphs.scenarios[1].calls)
    scenarios = (graphs.scenarios[0], broken.scenarios[1], image, broken.scenarios[3])
    return replace(broken, scenarios=scenarios, graphs=graphs.graphs, sources=(SOURCE,))


@pytest.fixture
def report(pictured: CaseReport, repaired: CaseReport, failed: CaseReport) -> Report:
    return Report((pictured, repaired, failed), ENVIRONMENT, "0.1.0")
