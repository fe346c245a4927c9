"""A comparison of ranks as text, as Markdown, as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence

from steadygraph.history.ranks.comparison import Comparison, RankDifference
from steadygraph.model.run import counted
from steadygraph.report.ci.markdown import escaped, prose
from steadygraph.report.text.layout import NARROWEST, Line, block, flat

SCHEMA_VERSION = 1


def text(comparison: Comparison, *, width: int = 80) -> str:
    """A sentence for each difference; lines keep to ``width`` columns from 40 on and end in a newline."""
    lines: list[Line] = []
    for one in comparison.differences:
        lines += block(f"{one.kind:<11}{_sentence(one)}", max(width, NARROWEST), hang=11)
    lines += block(conclusion(comparison), max(width, NARROWEST))
    return "".join("".join(span.text for span in line).rstrip() + "\n" for line in lines)


def markdown(comparison: Comparison) -> str:
    rows = "".join(f"- **{one.kind}** {prose(_sentence(one))}\n" for one in comparison.differences)
    return f"**{escaped(conclusion(comparison))}**\n" + (f"\n{rows}" if rows else "")


def as_json(comparison: Comparison) -> str:
    """ASCII text that ends in a newline."""
    value = {
        "schema_version": SCHEMA_VERSION,
        "tool": "steadygraph",
        "same": comparison.is_same,
        "ranks": list(comparison.ranks),
        "missing": list(comparison.missing),
        "compared": comparison.compared,
        "differences": [
            {
                "kind": one.kind,
                "target": one.target,
                "what": one.what,
                "groups": [{"value": value, "ranks": list(ranks)} for value, ranks in one.groups],
                "location": None if one.line is None else {"path": one.line.path, "line": one.line.line},
            }
            for one in comparison.differences
        ],
    }
    return json.dumps(value, indent=2) + "\n"


#: How a comparison can be written, by the name of the format.
FORMATS: Mapping[str, Callable[[Comparison], str]] = {"text": text, "json": as_json, "markdown": markdown}


def conclusion(comparison: Comparison) -> str:
    """The last line: what was held against what, and what is missing for that."""
    told = [
        f"{_ranks(comparison.ranks)}: {counted(comparison.compared, 'call of a region', 'calls of regions')} compared"
    ]
    notes = sum(one.kind == "note" for one in comparison.differences)
    number = len(comparison.differences) - notes
    if comparison.missing:
        told.append(f"no report of {_ranks(comparison.missing)}")
    if comparison.compared == 0:
        told.append("there is nothing to compare, which proves nothing")
    else:
        told.append(counted(number, "difference") if number else "no difference between them")
    if not comparison.is_complete_known:
        told.append("no report says how many ranks there are: give --world-size")
    return "; ".join(told)


def _sentence(one: RankDifference) -> str:
    if one.kind == "note":
        ranks = " and ".join(_ranks(ranks) for _, ranks in one.groups)
        return f"{flat(one.what)}: of other values, and as many of each type, in {ranks}"
    numbered = one.kind == "graphs"
    groups = [f"{_ranks(ranks)}: {'graphs ' if numbered else ''}{flat(value)}" for value, ranks in one.groups]
    where = "" if one.line is None else f"; they part at {flat(one.line.path, 200)}:{one.line.line}"
    code = f" ({flat(one.line.text, 80)})" if one.line is not None and one.line.text else ""
    return f"{flat(one.what)}: {'; '.join(groups)}{where}{code}"


def _ranks(ranks: Sequence[int]) -> str:
    """``rank 1``, ``ranks 0, 2 and 3``, ``ranks 0 to 7``."""
    if len(ranks) == 1:
        return f"rank {ranks[0]}"
    if len(ranks) > 2 and list(ranks) == list(range(ranks[0], ranks[-1] + 1)):
        return f"ranks {ranks[0]} to {ranks[-1]}"
    *others, last = map(str, ranks)
    return f"ranks {', '.join(others)} and {last}"
