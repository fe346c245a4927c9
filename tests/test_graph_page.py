"""What the page about graphs shows is what happens."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

PAGE = Path(__file__).resolve().parent.parent / "docs" / "how-to" / "look-into-a-graph.md"


def test_the_examples_of_the_page_run_and_print_what_it_says() -> None:
    text = PAGE.read_text(encoding="utf-8")
    examples = re.findall(r"^<!-- example -->\n```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    (printed,) = re.findall(r"^<!-- what the example prints -->\n```text\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {"__name__": "page"}

    for example in examples:
        exec(compile(example, str(PAGE), "exec"), names)

    assert len(examples) == 2
    assert printed.strip() in str(names["report"])


def test_the_page_names_every_attribute() -> None:
    from steadygraph.model import Graph, GraphNode, Location, NodeKind, digraph

    rows = set(re.findall(r"\| `(\w+)` \|", PAGE.read_text(encoding="utf-8")))
    frame = Location("model.py", 1, "forward")
    made = digraph(
        Graph("d", (), (), frame, nodes=(GraphNode(NodeKind.INPUT, "x"), GraphNode(NodeKind.OUTPUT, "", (0,))))
    )

    assert rows == {*made.nodes[0], *made.edges[0, 1], *made.graph}
