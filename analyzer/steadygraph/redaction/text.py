"""A text without what must not leave the machine."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from steadygraph.errors.files import working_directory
from steadygraph.redaction import arrays, credentials, secrets
from steadygraph.redaction.places import Places, is_absolute

#: A text of more letters than anybody reads is cut before it is looked through.
_LONGEST = 1 << 18

#: Objects by their address: what ``repr`` writes, what Dynamo's identity checks compare with.
_ADDRESSES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(?<=\bat )0x[0-9a-fA-F]{4,16}|\b0x[0-9a-fA-F]{9,16}\b"), "0x..."),
    (re.compile(r"(check_(?:obj|type)_id\([^\n]{0,400}?, )\d{6,}(?=\))"), r"\1<id>"),
    (re.compile(r"((?:data_ptr\(\)|\bid\([^()]{0,400}\)) == )\d{6,}"), r"\1<id>"),
)


class Redactor:
    """Texts of one project.

    Args:
        root: The project root, which paths become relative to.
    """

    def __init__(self, root: Path) -> None:
        self.places = Places(root)
        self._secrets = secrets.known()

    def path(self, path: str) -> str:
        """The path of a file, never absolute: relative to the root, or starting at its package."""
        return self.text(self.places.path(path) if is_absolute(path) else path)

    def text(self, text: str) -> str:
        """The text, relative to the root; doing it twice changes nothing more."""
        if not text.isascii():
            text = text.encode("utf-8", "backslashreplace").decode("utf-8")
        # What is cut out of the middle can join its neighbours to something that has to go as well.
        while (clean := self._pass(text)) != text:
            text = clean
        return text

    def _pass(self, text: str) -> str:
        text = self.places.text(arrays.hidden(credentials.hidden(self._secrets.hidden(text))))
        if "0x" in text or "== " in text or "_id(" in text:
            for address, short in _ADDRESSES:
                text = address.sub(short, text)
        return text


def without_values(text: str) -> str:
    """The text without secrets and without values of tensors; paths stay as they are."""
    return withholding()(text)


def withholding() -> Callable[[str], str]:
    """:func:`without_values` for many texts: the environment is looked through once."""
    today = secrets.known()
    return lambda text: arrays.hidden(credentials.hidden(today.hidden(text)))


def without_secrets(text: str) -> str:
    """The text without secrets: all that may be taken out of a program."""
    return credentials.hidden(secrets.known().hidden(text))


def redacted(text: str) -> str:
    """A text that somebody else wrote, seen from the working directory."""
    text = arrays.hidden_in_message(text[:_LONGEST])
    return Redactor(working_directory()).text(text)
