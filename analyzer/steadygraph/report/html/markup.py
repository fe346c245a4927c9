"""Text that becomes HTML: everything that a report holds is shown as the characters that it consists of."""

from __future__ import annotations

from markupsafe import Markup, escape

from steadygraph.report.text.layout import printable

#: Letters of one text; what is longer nobody reads to its end.
_MOST_LETTERS, _MOST_LETTERS_OF_LONG = 1000, 5000
_TAB = 4


def shown(value: object, most: int = _MOST_LETTERS) -> object:
    """What stands in the page for a value of the report, before it is escaped.

    Control characters, directional marks and the like are spelled out (``\\x1b``, ``\\u202e``); lines stay lines.
    Markup that was made here stays as it is.
    """
    if not isinstance(value, str) or isinstance(value, Markup):
        return "" if value is None else value
    if len(value) > most:
        end = f"{most // 2} of {len(value):,} characters before this and {most // 2} behind"
        value = f"{value[: most // 2]}\n… {end} …\n{value[-most // 2 :]}"
    return value if value.isprintable() else "\n".join(map(printable, value.expandtabs(_TAB).splitlines()))


def long(text: str) -> Markup:
    """A text that may have many lines."""
    return escape(shown(text, _MOST_LETTERS_OF_LONG))


def prose(text: str) -> Markup:
    """A sentence, with what stands between backticks as code."""
    parts = str(shown(text)).replace("``", "`").split("`")
    if len(parts) % 2 == 0:  # a backtick that nobody closed
        parts[-2:] = ["`".join(parts[-2:])]
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if number % 2 else escape(part) for number, part in enumerate(parts)
    )
