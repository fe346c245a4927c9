"""Lines of terminal text: plain strings with the names of styles, escaped and wrapped here.

Nothing interprets markup: what a model's author wrote (``[bold]``, an ANSI code, a right-to-left mark) is shown as the
characters that it consists of.  Rich is asked only for the width of characters beyond ASCII, and for colours.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

#: Below this width a terminal gets lines that are too long rather than words cut to pieces.
NARROWEST = 40
_DOTS = "..."
#: After these a word that is wider than the line is cut by preference.
_SEAMS = "/.,:;])}-_"

#: GitHub: ``::name values::``, also behind blanks, and ``##[name]``; Azure: ``##vso[``; TeamCity: ``##teamcity[``.
#: Names of C++ (``at::native::add``) are none.
_CI_COMMAND = re.compile(r"##(?=\w*\[)|(?<![\w)\]>:])::(?=[A-Za-z][\w-]*(?:\s[^\n]*)?::)")


@dataclass(frozen=True, slots=True)
class Span:
    """Text without line breaks, and the rich style that it is shown in."""

    text: str
    style: str = ""


Line = tuple[Span, ...]
EMPTY: Line = ()


def printable(text: str) -> str:
    """The text with everything that a terminal would not show as a character spelled out (``\\x1b``, ``\\u202e``).

    So is the first character of what a CI system would take for a command: ``::error::``, ``##[group]``.
    """
    if not text.isprintable():
        text = "".join(each if each.isprintable() else _spelled(each) for each in text)
    if "::" in text or "##" in text:
        text = _CI_COMMAND.sub(lambda found: _spelled(found[0][0]) + found[0][1:], text)
    return text


def flat(text: str, limit: int = 400) -> str:
    """The text on one line, printable, and cut after about ``limit`` characters."""
    if len(text) <= limit and text.isprintable() and "  " not in text and text == text.strip():
        return printable(text)  # as it is, nearly always
    start = text[: 4 * limit]
    words = printable(" ".join(start.split()))
    cut = len(words) > limit or len(start) < len(text)
    return words[:limit].rstrip() + (_DOTS if cut else "")


def listed(names: Iterable[str], most: int, limit: int = 60) -> str:
    """``a, b and 3 more``."""
    names = list(names)
    shown = ", ".join(flat(name, limit) for name in names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown


def enumerated(names: Iterable[str], limit: int = 60) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    *others, last = (flat(name, limit) for name in names)
    return f"{', '.join(others)} and {last}" if others else last


def cells(text: str) -> int:
    """How many columns of a terminal the text takes."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def wrapped(text: str, width: int, *, hang: int = 0) -> list[str]:
    """Lines of at most ``width`` columns, ``hang`` fewer from the second on; only a word too wide for a line is cut."""
    lines: list[str] = []
    line = ""
    for word in text.split(" "):
        if line and cells(line) + 1 + cells(word) <= width:
            line = f"{line} {word}"
            continue
        if line:
            lines.append(line)
            width = width if len(lines) > 1 else width - hang
        while cells(word) > width:
            lines.append(_head(word, width, _SEAMS))
            word = word[len(lines[-1]) :]
            width = width if len(lines) > 1 else width - hang
        line = word
    return [*lines, line]


def block(text: str, width: int, *, indent: int = 0, hang: int = 0, style: str = "") -> list[Line]:
    """A paragraph, indented as a whole, its second and further lines by ``hang`` columns more."""
    lines = wrapped(text, max(width, NARROWEST) - indent, hang=hang)
    return [(Span(" " * (indent + (hang if number else 0)) + line, style),) for number, line in enumerate(lines)]


def styled(lines: list[Line], word: str, style: str) -> list[Line]:
    """The first line up to the end of this word in a style of its own."""
    (span, *rest), *others = lines
    end = span.text.index(word) + len(word)
    return [(Span(span.text[:end], style), Span(span.text[end:], span.style), *rest), *others]


def cropped(text: str, width: int) -> str:
    """The text, its end replaced by dots where it is wider than ``width`` columns."""
    return text if cells(text) <= width else _head(text, width - len(_DOTS)) + _DOTS


def shortened(path: str, width: int) -> str:
    """The path, folders (if need be letters) in its middle replaced by dots where it is wider than ``width``."""
    if cells(path) <= width:
        return path
    parts = path.split("/")
    candidates = [(parts[0], _DOTS, *parts[start:]) for start in range(2, len(parts))] + [(_DOTS, parts[-1])]
    for candidate in candidates if len(parts) > 1 else ():
        short = "/".join(candidate)
        if cells(short) <= width:
            return short
    room = max(width - len(_DOTS), 2)
    return f"{_head(path, room // 3)}{_DOTS}{_head(path[::-1], room - room // 3)[::-1]}"


def _head(text: str, width: int, seams: str = "") -> str:
    """The longest start of at most ``width`` columns (one character at least), cut at a seam in its second half."""
    if text.isascii():
        end = max(width, 1)
    else:
        end, used = 1, cells(text[0])
        while end < len(text) and (used := used + cells(text[end])) <= width:
            end += 1
    seam = max((text.rfind(each, end // 2, end) for each in seams), default=-1)
    return text[: seam + 1] if seam > 0 else text[:end]


def _spelled(character: str) -> str:
    point = ord(character)
    if point < 0x100:
        return f"\\x{point:02x}"
    return f"\\u{point:04x}" if point < 0x10000 else f"\\U{point:08x}"
