"""Text that becomes HTML: everything that a report holds is shown as the characters that it consists of."""

from __future__ import annotations

from markupsafe import Markup, escape

from steadygraph.report.layout import printable

#: Letters of one text; what is longer nobody reads to its end.
_MOST_LETTERS = 20_000
_TAB = 4


def shown(value: object) -> object:
    """What stands in the page for a value of the report, before it is escaped.

    Control characters, directional marks and the like are spelled out (``\\x1b``, ``\\u202e``); lines stay lines.
    Markup that was made here stays as it is.
    """
    if value is None:
        return ""
    if not isinstance(value, str) or isinstance(value, Markup) or (value.isprintable() and len(value) < _MOST_LETTERS):
        return value
    text = value[:_MOST_LETTERS].expandtabs(_TAB)
    cut = f" … ({len(value):,} characters in all)" if len(value) > _MOST_LETTERS else ""
    return "\n".join(map(printable, text.splitlines())) + cut


def prose(text: str) -> Markup:
    """A sentence, with what stands between backticks as code."""
    parts = str(shown(text)).replace("``", "`").split("`")
    if len(parts) % 2 == 0:  # a backtick that nobody closed
        parts[-2:] = ["`".join(parts[-2:])]
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if number % 2 else escape(part) for number, part in enumerate(parts)
    )
