"""Values that the environment of a process calls secret, in whatever form a text has them."""

from __future__ import annotations

import base64
import html
import json
import os
import urllib.parse
from collections.abc import Callable

import pytest

from steadygraph.redaction import secrets
from steadygraph.redaction.secrets import Secrets, secret_values
from steadygraph.redaction.text import redacted

TOKEN = "q7Xw2Lk9PzR4tVbN8mJc5HgF1dSaYe3UoIiK6T0E"
QUOTED = 'it\'s a "quoted" sec\\ret'
PEM = (
    "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA7bqSecretKeyLine\n"
    "abcd12345678abcd12345678abcd\n-----END RSA PRIVATE KEY-----\n"
)


def text_of(value: str, text: str) -> str:
    return Secrets([value]).hidden(text)


@pytest.mark.parametrize("value", [TOKEN, QUOTED, PEM, "two  words   and  more", "a.b*c+d/e=f&g<h>", "pässwört-12"])
@pytest.mark.parametrize(
    "written",
    [
        str,
        repr,
        lambda value: repr(repr(value)),
        json.dumps,
        urllib.parse.quote,
        lambda value: urllib.parse.quote(value, safe=""),
        urllib.parse.quote_plus,
        html.escape,
        lambda value: " ".join(value.split()),
        lambda value: "\n".join(value[start : start + 7] for start in range(0, len(value), 7)),
        lambda value: "x" * 370 + value,
        lambda value: value.encode().hex(),
        lambda value: base64.b64encode(value.encode()).decode(),
        lambda value: base64.urlsafe_b64encode(b"user:" + value.encode()).decode(),
        lambda value: base64.b64encode(b"ab" + value.encode() + b"cd").decode(),
    ],
    ids=[
        *(
            "plain",
            "repr",
            "repr twice",
            "json",
            "url",
            "url whole",
            "url form",
            "html",
            "collapsed",
            "wrapped",
            "glued",
        ),
        *("hex", "base64", "base64 of a login", "base64 within"),
    ],
)
def test_a_secret_is_found_however_it_is_written(value: str, written: Callable[[str], str]) -> None:
    text = text_of(value, f"got {written(value)} instead")

    assert "***" in text
    left = text.replace("x" * 370, "")
    assert len(left) <= len("got *** instead") + 12
    assert not any(part in left for part in (value[:5], value[8:16], repr(value)[-9:-3]))


@pytest.mark.parametrize("length", [12, 20, 27, 39])
def test_the_beginning_of_a_secret_that_somebody_cut_is_known_too(length: int) -> None:
    assert text_of(TOKEN, f"got {TOKEN[:length]}... instead") == "got ***... instead"


@pytest.mark.parametrize("line", PEM.splitlines()[1:3])
def test_a_line_of_a_secret_with_several_is_one(line: str) -> None:
    assert text_of(PEM, f"line {line} is bad") == "line *** is bad"


def test_a_word_that_is_a_password_does_not_tear_longer_names_apart() -> None:
    assert text_of("forwards", "self.forwards_only(x), not forwards") == "self.forwards_only(x), not ***"


@pytest.mark.parametrize(
    ("name", "value", "secret"),
    [
        ("HF_TOKEN", "hf_abcdef123", "hf_abcdef123"),
        ("DB_PASSWORD", "hunter22", "hunter22"),
        ("mySecret", "hunter22", "hunter22"),
        ("SERVICE", TOKEN, TOKEN),
        ("SERVICE", "0123456789abcdef0123456789abcdef", "0123456789abcdef0123456789abcdef"),
        ("SERVICE", PEM, PEM),
        ("DATABASE_URL", "postgres://ada:pa55word99@db/x", "pa55word99"),
        ("DATABASE_URL", "postgres://ada:pa%2F5word99@db/x", "pa/5word99"),
        ("ALERTS", "https://hooks.slack.com/services/T00000000/B00000000/abcdefghijkl", "abcdefghijkl"),
    ],
)
def test_a_value_is_secret_by_its_name_or_by_what_it_looks_like(name: str, value: str, secret: str) -> None:
    assert secret in secret_values({name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TOKENIZERS_PARALLELISM", "disabled"),
        ("TOKENIZER_NAME", "llama-tokenizer"),
        ("API_TOKEN", "true"),
        ("GITHUB_SHA", "0123456789abcdef0123456789abcdef01234567"),
        ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin"),
        ("SSL_CREDENTIALS", os.devnull),
        ("CUDA_VERSION", "12.8.1-cudnn9-devel-ubuntu22.04"),
        ("KUBERNETES_PORT", "tcp://10.0.0.1:443"),
        ("HF_ENDPOINT", "https://huggingface.co"),
        ("LS_COLORS", "rs=0:di=01;34:ln=01;36:mh=00"),
        ("NCCL_SOCKET_IFNAME", "eth0,eth1,eth2,eth3,eth4,eth5"),
        ("MODEL", "Qwen3-VL-235B-A22B-Instruct-FP8"),
    ],
)
def test_what_is_no_secret_stays(name: str, value: str) -> None:
    assert secret_values({name: value}) == frozenset()


def test_a_secret_that_is_set_later_is_known_and_stays_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrets, "_seen", set())
    monkeypatch.setenv("LATER_SECRET", "correct horse battery")
    assert redacted("it is correct horse battery") == "it is ***"
    monkeypatch.delenv("LATER_SECRET")

    assert redacted("it is correct horse battery") == "it is ***"
