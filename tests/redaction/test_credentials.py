"""What looks like a credential is hidden wherever it stands, and nothing that people name things is."""

from __future__ import annotations

import random
import string

import pytest

from steadygraph.redaction import credentials

RANDOM = "q7Xw2Lk9PzR4tVbN8mJc5HgF1dSaYe3UoIiK6T0E"
DIGITS = "0123456789"


@pytest.mark.parametrize(
    "secret",
    [
        "sk-0123456789abcdefghijABCDEFGHIJ0123456789",
        "sk-proj-abc123def456ghi789",
        "sk-ant-api03-abcdefgh12345678",
        "ghp_0123456789abcdefghijABCDEFGHIJ012345",
        "gho_0123456789abcdefghijABCDEFGHIJ012345",
        "github_pat_11ABCDEFG0abcdefghij_0123456789abcdefghij",
        "hf_AbCdEfGhIjKlMnOpQrStUvWxYzAbCdEfGh",
        "glpat-abcdefgh12345678abcd",
        "xoxb-123456789012-123456789012-abcdefghijklmnop",
        "npm_abcdefghijklmnopqrstuvwxyz0123456789",
        "pypi-AgEIcHlwaS5vcmcCJDEyMzQ1Njc4",
        "AKIAIOSFODNN7EXAMPLE",
        "AIzaSyA0123456789abcdefghijklmnopqrstuv",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N",
        "nvapi-0123456789abcdefghijABCDEFGHIJ",
        "SG.abcdefghijklmnopqrst12.abcdefghijklmnopqrstuvwxyz0123456789abcdefghi",
        "123456789:AAabcdefghijklmnopqrstuvwxyz0123456",
        RANDOM,
    ],
)
def test_the_key_of_a_known_service_is_hidden_in_any_text(secret: str) -> None:
    text = credentials.hidden(f"login failed with '{secret}', try again")

    assert text == "login failed with '***', try again"
    assert secret not in credentials.hidden(f"key={secret}&x")
    assert credentials.is_one(secret)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("postgres://ada:pa55@db/x is down", "postgres://***@db/x is down"),
        ("redis://:pa55word@cache:6379/0", "redis://***@cache:6379/0"),
        (f"https://{RANDOM}@github.com/a/b", "https://***@github.com/a/b"),
        ("POST https://hooks.slack.com/services/T00/B00/abc failed", "POST https://hooks.slack.com/*** failed"),
        ("https://discord.com/api/webhooks/1/ab_c?x=1", "https://discord.com/api/webhooks/***"),
        ("https://x.blob.net/y?sv=1&sig=abcdef%2B12&x=1", "https://x.blob.net/y?sv=1&sig=***&x=1"),
        ("GET /v1?access_token=abcdef12&x=1", "GET /v1?access_token=***&x=1"),
        ("{'Authorization': 'Bearer abcdef123456'}", "{'Authorization': '***'}"),
        ("Bearer abcdefgh12345678 was refused", "Bearer *** was refused"),
        ("login(password='hunter22hunter')", "login(password='***')"),
        ("Server=db;Password=hunter22x;Port=1", "Server=db;Password=***;Port=1"),
        ("a -----BEGIN PRIVATE KEY-----\nMII\n-----END PRIVATE KEY----- b", "a *** b"),
        ("a -----BEGIN OPENSSH PRIVATE KEY----- b3BlbnNza", "a ***"),
    ],
)
def test_what_carries_a_credential_keeps_what_stands_around_it(text: str, expected: str) -> None:
    assert credentials.hidden(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "token=token_ids[0], api_key=os.environ",
        "self.pad_token = tokenizer.pad_token",
        'eos_token="<|endoftext|>"',
        "password=None, secret: str",
        "https://pytorch.org/docs/stable/torch.compiler.html?highlight=guard&page=2",
        "task-2024-11-30-run-01 of scikit-learn-1.5.2",
        "0123456789abcdef0123456789abcdef01234567",
        "graph_0123456789abcdef.svg",
        "Qwen3VLTextDecoderLayer2AttentionForConditionalGeneration",
        "torch._dynamo.convert_frame.ConvertFrameAssert_0x7f",
        "model.layers.10.self_attn.q_proj.weight_scale_inv_2",
        "___check_obj_id(L['self']._modules['layers']._modules['0'], 140123456789012)",
        "aten._scaled_dot_product_flash_attention_for_cpu.default",
        "class M2M100SinusoidalPositionalEmbedding(torch.nn.Module)",
    ],
)
def test_names_digests_and_code_stay(text: str) -> None:
    assert credentials.hidden(text) == text


def test_of_a_thousand_random_keys_all_are_known() -> None:
    drawn = random.Random(0)
    letters = string.ascii_letters + string.digits

    keys = ["".join(drawn.choices(letters, k=40)) for _ in range(1000)]

    assert sum(credentials.hidden(f"got {key}") == "got ***" for key in keys) >= 990
