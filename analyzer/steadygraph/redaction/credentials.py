"""Credentials that show by themselves: keys of known services, URLs with passwords, PEM blocks, random strings."""

from __future__ import annotations

import operator
import re

HIDDEN = "***"

#: What the keys of a service begin with, where nothing else does.
_DISTINCT = (
    r"gh[opusr]_|github_pat_|glpat-|gl(?:dt|rt|soat|ptt|ft)-|xox[abeoprs]-|xapp-|npm_|pypi-|dckr_[op]at_|[rs]k_(?:live|test)_"
    r"|whsec_|shp(?:at|ca|pa|ss)_|do[opr]_v1_|nvapi-|gsk_|hf_|api_org_|GOCSPX-|PMAK-|sntry[su]_|glsa_|tskey-|sbp_|rubygems_"
    r"|hvs\.|ATATT3|ATBB|pplx-|dapi(?=[0-9a-f])|AGE-SECRET-KEY-|sk-(?:proj|ant|svcacct|or)-|lin_api_|pscale_\w+_|nfp_|r8_"
)
#: Where a word begins, so does a key: ``task-2024...`` has none.
_AT_A_WORD = r"(?<![A-Za-z0-9])(?:sk-|SK(?=[0-9a-f]{32})|key-(?=[0-9a-f]{32}))"
_KEY = re.compile(
    rf"(?:{_DISTINCT}|{_AT_A_WORD})(?:[\w.~-]{{30,}}|(?=[\w-]*\d[\w-]*\d)[\w-]{{16,}})"
    r"|(?:AKIA|ASIA|ABIA|ACCA)[0-9A-Z]{16}"
    r"|AIza[\w-]{30,}|ya29\.[\w.-]{16,}|SG\.[\w-]{16,}\.[\w-]{16,}"
    r"|eyJ[\w-]{8,}\.(?:[\w-]{8,}(?:\.[\w-]*)?)?"
    r"|(?<!\d)\d{8,10}:[\w-]{35}(?![\w-])"
    r"|[MNO][\w-]{23,}\.[\w-]{6}\.[\w-]{27,}"
)
_PEM = re.compile(
    r"-----BEGIN[A-Z ]*PRIVATE[A-Z ]*-----.*?(?:-----END[A-Z ]*-----|\Z)", re.DOTALL
)  # cut off by somebody else, it goes to the end

_PASSWORD_IN_URL = re.compile(r"(?P<kept>[A-Za-z][A-Za-z0-9+.-]*:/{2,3})[^\s/@'\"<>]*:[^\s@'\"<>]+@")
_TOKEN_IN_URL = re.compile(r"(?P<kept>https?://)(?P<value>[\w.~+=-]{16,})(?=@)")
_WEBHOOK = re.compile(
    r"(?P<kept>https?://(?:hooks\.slack\.com/|(?:\w+\.)?discord(?:app)?\.com/api/(?:v\d+/)?webhooks/"
    r"|[\w.-]*webhook\.office\.com/|outlook\.office(?:365)?\.com/webhook/|api\.telegram\.org/bot|hooks\.zapier\.com/"
    r"|chat\.googleapis\.com/v\d/spaces/|maker\.ifttt\.com/|events\.pagerduty\.com/|[\w.-]+\.logic\.azure\.com[^\s?]*\?"
    r"|[\w.-]+/(?:web)?hooks?/(?=[\w/-]{12})))[^\s'\"<>]+"
)
_PARAMETER = re.compile(
    r"(?P<kept>[?&;](?:[\w-]*(?:token|secret|passw\w*|signature|credential|api_?key)|sig|key|auth|code|pwd)=)[^&;\s'\"<>]{6,}",
    re.IGNORECASE,
)
_HEADER = re.compile(
    r"(?P<kept>\b(?:proxy-)?authorization[\"']?\s*[:=]\s*[\"']?(?:b[\"'])?|\b(?:x-)?(?:api|auth)-(?:key|token)[\"']?\s*[:=]\s*[\"']?"
    r"|\bcookie[\"']?\s*[:=]\s*[\"']?)(?:(?:bearer|basic|token|digest)\s+)?[^\s\"',]{8,}",
    re.IGNORECASE,
)
_BEARER = re.compile(r"(?P<kept>\b(?:bearer|basic)\s+)(?=[\w.~+/=-]*\d)[\w.~+/=-]{16,}", re.IGNORECASE)
_ASSIGNED = re.compile(
    r"(?P<kept>(?:passw(?:or)?d|passphrase|pwd|(?<![A-Za-z])(?:client_?|shared_?)?secret(?:_?key)?|accountkey|(?:api|access|private)_?key"
    r"|(?<![A-Za-z_])(?:auth|access|refresh|bearer|api|hf|github)?_?token)[\"']?(?:\s*[:=]\s*(?=[\"'])|=|:\s)[\"']?)"
    r"(?P<value>(?=[^\s\"',;&]*\d)(?=[^\s\"',;&]*[A-Za-z])[\w.~+/=!@#$%^*-]{8,})",
    re.IGNORECASE,
)
#: Long enough to be judged by its letters alone.
_WORD = re.compile(r"(?P<kept>)(?P<value>[A-Za-z0-9+/_-]{32,})={0,2}")

#: Of a random string the next character is of another kind (a, A, 0) more often than not; of a name, seldom.
_CHANGES = 0.42
_LETTERS = (("a", str.islower), ("A", str.isupper), ("0", str.isdigit))
_KINDS = {
    point: next((kind for kind, holds in _LETTERS if holds(each)), None)
    for point, each in enumerate(map(chr, range(128)))
}


def hidden(text: str) -> str:
    """The text with every credential in it replaced by three stars; what stands around it stays."""
    if not _may_hold_one(text):
        return text
    if "-----BEGIN" in text:
        text = _PEM.sub(HIDDEN, text)
    if "://" in text or ":///" in text:
        text = _WEBHOOK.sub(
            _kept, _PASSWORD_IN_URL.sub(rf"\g<kept>{HIDDEN}@", _TOKEN_IN_URL.sub(_kept_if_random, text))
        )
    if "=" in text or ":" in text:
        text = _ASSIGNED.sub(_kept_if_no_code, _HEADER.sub(_kept, _PARAMETER.sub(_kept, text)))
    return _WORD.sub(_kept_if_random, _BEARER.sub(_kept, _KEY.sub(HIDDEN, text)))


#: Whatever is hidden has this in it.
_SUSPECT = re.compile(r"[\w+/~=.-]{16}|://|-----BEGIN|[=:]\s*[\"']?[^\s\"',;&]{6}")


def _may_hold_one(text: str) -> bool:
    return len(text) > 12 and _SUSPECT.search(text) is not None


def is_one(value: str) -> bool:
    """Does a value, of a variable whatever its name, look like a credential?"""
    stripped = value.strip()
    return hidden(stripped) != stripped or is_random(stripped) or _is_hexadecimal(stripped)


def is_random(word: str) -> bool:
    """Is this word nothing that somebody wrote: small and capital letters and digits, in no order?"""
    if len(word) < 20 or not _IN_ONE.fullmatch(word):
        return False
    letters = word.translate(_KINDS)
    if len(set(letters)) < 3 or len(letters) < 0.8 * len(word):
        return False
    changes: int = sum(map(operator.ne, letters, letters[1:]))
    return changes >= _CHANGES * (len(letters) - 1)


_IN_ONE = re.compile(r"[\w+/=.~-]+", re.ASCII)
_HEXADECIMAL = re.compile(r"(?=[0-9]*[a-fA-F])(?=[a-fA-F]*[0-9])[0-9a-fA-F]{32,}|(?=[a-z]*\d)(?=\d*[a-z])[a-z0-9]{28,}")


def _is_hexadecimal(value: str) -> bool:
    """Digits of base 16 or 36 and nothing else, as many as a key has."""
    return _HEXADECIMAL.fullmatch(value) is not None


def _kept(found: re.Match[str]) -> str:
    return found["kept"] + HIDDEN


def _kept_if_random(found: re.Match[str]) -> str:
    return found["kept"] + HIDDEN if is_random(found["value"]) else found[0]


#: ``token=token_ids[0]``, ``api_key=os.environ``: names, which stay.
_CODE = re.compile(r"[A-Za-z_]+\d*(?:[._][A-Za-z_]*\d*)*")


def _kept_if_no_code(found: re.Match[str]) -> str:
    quoted = found["kept"][-1] in "\"'"
    return (
        found[0] if not quoted and _CODE.fullmatch(found["value"]) and not is_random(found["value"]) else _kept(found)
    )
