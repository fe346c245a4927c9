"""Which known name was meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

#: How alike two words must be, and how much less alike than the best match another one may be.
_LEAST, _MARGIN = 0.6, 0.1
#: How alike a slip of the finger leaves two words: one letter of five.
_SLIP = 0.8


def closest(word: str, known: Iterable[str]) -> list[str]:
    """The known names that look like ``word``, at most three, most similar first; upper and lower case are the same."""
    likeness = {name: difflib.SequenceMatcher(None, name.lower(), word.lower()).ratio() for name in known}
    best = max(likeness.values(), default=0.0)
    near = [name for name, ratio in likeness.items() if ratio >= max(_LEAST, best - _MARGIN)]
    return sorted(near, key=lambda name: (-likeness[name], name))[:3]


def misspelled(word: str, known: str) -> bool:
    """Is ``word`` what a slip of the finger makes of ``known``, in whatever case and with whatever underscores?"""
    word, known = (text.replace("_", "").lower() for text in (word, known))
    same_letters = word[:1] == known[:1] and sorted(word) == sorted(known)
    return same_letters or difflib.SequenceMatcher(None, known, word).ratio() >= _SLIP


def question(word: str, known: Iterable[str]) -> str | None:
    """``did you mean drop?``, or None where nothing comes close."""
    matches = closest(word, known)
    return f"did you mean {' or '.join(matches)}?" if matches else None


def question_or_list(word: str, known: Iterable[str], plural: str) -> str:
    """The question, or else all that there is: ``policies are drop, recompile``."""
    known = list(known)
    return question(word, known) or f"{plural} are {', '.join(known)}"
