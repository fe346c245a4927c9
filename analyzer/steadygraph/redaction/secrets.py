"""Values of this process' environment that are secret, found in a text however they are written there.

A target may set variables, or put others in their place: what was secret once stays secret.
"""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import Any
from urllib.parse import unquote, urlsplit

from steadygraph.redaction import credentials
from steadygraph.redaction.credentials import HIDDEN

#: Names that call their value secret.
_NAME = re.compile(
    r"TOKEN(?!IZ)|SECRET|PASSW|PASSPHRASE|CREDENTIAL|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY|SIGNING_?KEY|ENCRYPTION_?KEY"
    r"|(?:^|_)(?:PAT|PWD|AUTH|DSN|WEBHOOK|COOKIE|LICENSE_KEY)(?:_(?:URL|KEY|VALUE|HEADER))?$",
    re.IGNORECASE,
)
#: Names whose values look random and are known to everybody.
_PUBLIC = re.compile(
    r"(?:^|_)(?:SHA\d*|COMMIT|REVISION|HASH|DIGEST|CHECKSUM|FINGERPRINT|UUID|ID|PATH|HOST|HOSTNAME|NAME|VERSION|GPG_KEY)$"
    r"|^(?:PWD|OLDPWD|_|LS_COLORS|PATH|MANPATH|PS\d)$|^PYTEST_",
    re.IGNORECASE,
)
#: A shorter value ("1", "true", "root") is no secret, and would tear holes into ordinary text.
_SHORTEST = 8
#: So much of a secret, from its first character on, is known for it: texts are cut by others, too.
_HEAD = 12

#: What can stand between two characters where a text was broken, quoted or escaped.
_NOISE = r"(?:\s|\\+[nrt]|[\"'\\+]|%(?:25)?(?:20|0[AaDd]))*"
_SQUEEZED = str.maketrans(dict.fromkeys(" \t\r\n\v\f\"'\\"))
_ENTITIES = {
    "&": "&(?:amp|#38);",
    "<": "&(?:lt|#60);",
    ">": "&(?:gt|#62);",
    '"': "&(?:quot|#34);",
    "'": "&(?:#39|#x27|apos);",
}
_PLAIN = re.compile(r"[A-Za-z0-9]+")


class Secrets:
    """Secret values, in each form that a text may have them in."""

    def __init__(self, values: Iterable[str]) -> None:
        forms = {form for value in values for form in _forms(value)}
        self._forms = [_Form(form) for form in sorted(forms, key=len, reverse=True)]

    def hidden(self, text: str) -> str:
        """The text with three stars in place of each of them."""
        if not self._forms or len(text) < _SHORTEST:
            return text
        squeezed = text.translate(_SQUEEZED)
        for form in self._forms:
            if form.anchor in squeezed or "\\" in text:
                text = form.hidden(text)
        return text


class _Form:
    """One way to write one secret."""

    def __init__(self, form: str) -> None:
        words = form.split()
        characters = "".join(words)
        length = _head(len(characters))
        head, self._tail = characters[:length], characters[length:]
        # A word of a language may be part of a name.
        edges = (r"(?<!\w)", r"(?!\w)") if form.isalpha() and not self._tail else ("", "")
        self._starts = re.compile(_NOISE.join(map(_written, head)).join(edges))
        #: Letters and digits that are in every text with it.
        self.anchor = max(_PLAIN.findall(" ".join(_within(words, length))), key=len, default="")

    def hidden(self, text: str) -> str:
        pieces, position = [], 0
        while (start := self._starts.search(text, position)) is not None:
            pieces += [text[position : start.start()], HIDDEN]
            position = start.end()
            for character in self._tail:
                following = _next(character).match(text, position)
                if following is None:
                    break
                position = following.end()
        return "".join([*pieces, text[position:]])


def _within(words: Iterable[str], length: int) -> Iterator[str]:
    """The words, as far as they are among the first characters."""
    for word in words:
        yield word[: max(length, 0)]
        length -= len(word)


def _head(length: int) -> int:
    return length if length < _HEAD + 4 else _HEAD


@cache
def _next(character: str) -> re.Pattern[str]:
    return re.compile(_NOISE + _written(character))


@cache
def _written(character: str) -> str:
    """A pattern for a character as it is, or as ``repr``, JSON, a URL or HTML have it."""
    if character.isascii() and character.isalnum():
        return character
    point = ord(character)
    quoted = "".join(f"%(?:25)?(?i:{byte:02x})" for byte in character.encode("utf-8", "surrogatepass"))
    # Longest first: what is behind the first that fits is not tried again.
    forms = [_ENTITIES[character]] if character in _ENTITIES else []
    forms += [
        quoted,
        rf"\\+u(?i:{point:04x})",
        *([rf"\\+x(?i:{point:02x})"] if point < 0x100 else []),
        re.escape(character),
    ]
    return f"(?:{'|'.join(forms)})"


def _forms(value: str) -> Iterator[str]:
    """The value, its lines, and what base 64 and base 16 make of it."""
    value = value.strip()
    yield value
    lines = value.split("\n") if "\n" in value else value.split("\\n")
    yield from (line.strip() for line in lines[1:] if len(line.strip()) >= 2 * _HEAD and not line.startswith("-----"))
    data = value.encode("utf-8", "surrogateescape")
    yield data.hex()
    for offset in range(3):
        # Three bytes are four letters: what stands before the value shifts it, and shares letters with it.
        whole = data[offset : len(data) - (len(data) - offset) % 3]
        if len(whole) >= _HEAD:
            yield base64.b64encode(whole).decode()
            yield base64.urlsafe_b64encode(whole).decode()


def secret_values(variables: Mapping[str, str]) -> frozenset[str]:
    """The values that are secret: their name says so, or they look like a credential."""
    return frozenset(secret for name, value in variables.items() for secret in _secret_of(name, value))


@cache
def _secret_of(name: str, value: str) -> tuple[str, ...]:
    if len(value.strip()) < _SHORTEST:
        return ()
    parts = _parts_of_url(value.strip())
    if parts is not None:
        return parts
    if _NAME.search(name):
        return () if value.startswith(("/", "~")) and os.path.exists(os.path.expanduser(value)) else (value,)
    return (value,) if not _PUBLIC.search(name) and credentials.is_one(value) else ()


_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S+")


def _parts_of_url(value: str) -> tuple[str, ...] | None:
    """What is secret about a URL: its beginning is not; None if it is none."""
    if not _URL.fullmatch(value):
        return None
    try:
        url = urlsplit(value)
        password = url.password or ""
    except ValueError:
        return None
    found = [password, unquote(password)]
    if credentials.hidden(value) != value:
        found += [url.path.strip("/"), *url.path.split("/"), url.query, *url.query.split("&")]
    return tuple(each for each in dict.fromkeys(found) if len(each) >= _SHORTEST)


def remember(values: Iterable[str]) -> None:
    """Know these for secrets from now on."""
    global _secrets
    if new := set(values) - _seen:
        _seen.update(new)
        _secrets = Secrets(_seen)


def watch(tell: Callable[[str], None]) -> None:
    """Know the secrets that this process puts into its environment as soon as it does so, and for good.

    Args:
        tell: Told each of them: somebody else may relay what the process prints.
    """
    put = os.putenv

    def put_and_told(name: Any, value: Any) -> None:
        put(name, value)
        found = _secret_of(os.fsdecode(name), os.fsdecode(value))
        remember(found)
        for secret in found:
            tell(secret)

    os.putenv = put_and_told  # by which os.environ does it


#: Every value that was secret when somebody looked, and the variables as they were then.
_seen: set[str] = set()
_looked_at: dict[str, str] = {}
_secrets = Secrets(())


def known() -> Secrets:
    """The secrets of this process, those among them that it had earlier."""
    global _looked_at
    variables = dict(os.environ)
    if variables != _looked_at:
        _looked_at = variables
        remember(secret_values(variables))
    return _secrets
