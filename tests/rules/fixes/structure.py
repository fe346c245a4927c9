"""Fixes of the rules about the structure of arguments, followed."""

from __future__ import annotations

from steadygraph.rule import Example

from .texts import apart, case, changed

_ALWAYS = "in the profile call and in every serving call"

_SCALED = case(
    "return 2 * x if scale is None else 2 * x * scale",
    takes="x, scale=None",
    profile="torch.ones(4), None",
    serving={"plain": "torch.arange(4.0), None", "scaled": "torch.arange(4.0), torch.full((4,), 3.0)"},
)
_MASKED = case(
    """
    scores = x @ x.transpose(-1, -2)
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf"))
    return scores.softmax(-1) @ x
    """,
    takes="x, mask=None",
    profile="torch.rand(2, 6, 8), None",
    serving={
        "plain": "torch.rand(2, 6, 8), None",
        "masked": "torch.rand(2, 6, 8), torch.ones(6, 6, dtype=torch.bool).tril()",
    },
)
_KEEP = "torch.ones(6, 6, dtype=torch.bool)"
_ADDED_MASK = case(
    "return x.softmax(-1) if padding_mask is None else (x + padding_mask).softmax(-1)",
    takes="x, padding_mask=None",
    profile="torch.ones(4), torch.tensor([0.0, 0.0, 0.0, -1e9])",
    serving={"unpadded": "torch.arange(4.0), None"},
)
_TOP_K = case(
    """
    if top_k is None:
        return x.softmax(-1)
    ranks = x.argsort(descending=True).argsort()
    return x.masked_fill(ranks >= top_k, float("-inf")).softmax(-1)
    """,
    takes="x, top_k=None",
    profile="torch.arange(6.0), None",
    serving={"few": "torch.arange(6.0), 2"},
)
_TOP_K_OR_NOT = changed(_TOP_K, ('"few"', '"all": ((torch.arange(6.0), None), {}),\n        "few"'))
_ACTIVATION = case(
    "return 2 * x if activation is None else getattr(torch, activation)(2 * x)",
    takes="x, activation=None",
    profile="torch.ones(4), None",
    serving={"step": "torch.arange(4.0), 'tanh'"},
)
_PAST = case(
    """
    q, k, v = x, 2 * x, 3 * x
    if past is not None:
        k, v = torch.cat([past[0], k]), torch.cat([past[1], v])
    return (q @ k.T).softmax(-1) @ v
    """,
    takes="x, past=None",
    profile="torch.ones(1, 4), None",
    serving={
        "first": "torch.ones(1, 4), None",
        "next": "torch.ones(1, 4), (torch.ones(3, 4), torch.ones(3, 4))",
    },
)
_EMPTY_PAST = changed(
    _PAST.replace("torch.ones(1, 4), None", "torch.ones(1, 4), []"),
    ("if past is not None:", "if len(past):"),
    ("(torch.ones(3, 4), torch.ones(3, 4))", "[torch.ones(3, 4), torch.ones(3, 4)]"),
)
_FLAGGED_PAST = case(
    """
    q, k, v = x, 2 * x, 3 * x
    if past.filled:
        k, v = torch.cat([past.rows, k]), torch.cat([past.rows, v])
    return (q @ k.T).softmax(-1) @ v
    """,
    takes="x, past",
    top="""
    class Past:
        def __init__(self, filled):
            self.filled, self.rows = filled, torch.ones(3, 4)
    """,
    profile="torch.ones(1, 4), Past(False)",
    serving={"first": "torch.ones(1, 4), Past(False)", "next": "torch.ones(1, 4), Past(True)"},
)
_COUNTED_PAST = changed(
    _FLAGGED_PAST,
    (
        """        if past.filled:
            k, v = torch.cat([past.rows, k]), torch.cat([past.rows, v])
""",
        """        rows = past.rows[: past.length]
        k, v = torch.cat([rows, k]), torch.cat([rows, v])
""",
    ),
    ("def __init__(self, filled):", "def __init__(self, length):"),
    ("self.filled, self.rows = filled, ", "self.length, self.rows = length, "),
    ("Past(True)", "Past(3)"),
).replace("Past(False)", "Past(0)")
_FIXED_PAST = case(
    """
    q, k, v = x, 2 * x, 3 * x
    k, v = torch.cat([past[0], k]), torch.cat([past[1], v])
    hidden = torch.cat([past[2], torch.zeros(1, dtype=torch.bool)])
    return (q @ k.T).masked_fill(hidden, float("-inf")).softmax(-1) @ v
    """,
    takes="x, past",
    top="""
    def past(filled):
        rows = torch.arange(8)
        return torch.ones(8, 4), torch.ones(8, 4), rows >= filled
    """,
    profile="torch.ones(1, 4), past(0)",
    serving={"first": "torch.ones(1, 4), past(0)", "next": "torch.ones(1, 4), past(3)"},
)
_WITH_AND_WITHOUT = apart(
    "(x[0] @ (2 * x[0]).T).softmax(-1) @ (3 * x[0])",
    "(x[0] @ torch.cat([x[1], 2 * x[0]]).T).softmax(-1) @ torch.cat([x[2], 3 * x[0]])",
    choose="without",
    chosen_by="without",
    profile="[torch.ones(1, 4)], True, [torch.ones(1, 4), torch.ones(3, 4), torch.ones(3, 4)], False",
    serving={
        "first": "[torch.ones(1, 4)], True",
        "next": "[torch.ones(1, 4), torch.ones(3, 4), torch.ones(3, 4)], False",
    },
)
_RAISES = case(
    """
    if rows is not None:
        x = x + rows[len(x)]
    return self.layer(x)
    """,
    takes="x, rows=None",
    init="self.layer = Double()",
    top="""
    class Double(nn.Module):
        def forward(self, x):
            return 2 * x
    """,
    profile="torch.ones(4), None",
    serving={"step": "torch.arange(4.0), torch.ones(4, 4)"},
    more="""
    def regions(model):
        return [model.layer]
    """,
)

_FEATURES = case(
    """
    for feature in features:
        x = x + feature
    return x
    """,
    takes="x, features",
    profile="torch.ones(3), [torch.ones(3)]",
    serving={"two": "torch.ones(3), [torch.ones(3), torch.ones(3)]"},
)
_BY_NAME = case(
    """
    if "bias" in options:
        x = x + options["bias"]
    return x * options["weight"]
    """,
    takes="x, options",
    profile='torch.ones(3), {"weight": torch.ones(3)}',
    serving={"biased": 'torch.ones(3), {"weight": torch.ones(3), "bias": torch.ones(3)}'},
)
_TUPLE = case(
    "return x + rows[0] if isinstance(rows, tuple) else x - rows[0]",
    takes="x, rows",
    profile="torch.ones(3), [torch.ones(3)]",
    serving={"step": "torch.ones(3), (torch.ones(3),)"},
)

EXAMPLES = (
    (
        "SG101",
        Example(
            "zeros or ones where there is no tensor",
            _SCALED,
            ("scaled",),
            fix=f"Pass zeros (ones where it multiplies) {_ALWAYS} that has none: same type, keys, shapes, dtypes and "
            "device.",
            fixed=(
                changed(
                    _SCALED,
                    ("torch.ones(4), None", "torch.ones(4), torch.ones(4)"),
                    ("(4.0), None", "(4.0), torch.ones(4)"),
                ),
            ),
        ),
    ),
    (
        "SG101",
        Example(
            "a mask that keeps everything",
            _MASKED,
            ("masked",),
            fix=f"Pass a mask without effect {_ALWAYS} that has none: ones where it says what to keep, zeros where it "
            "is added or says what to hide or change.",
            fixed=(_MASKED.replace("(2, 6, 8), None", f"(2, 6, 8), {_KEEP}"),),
        ),
    ),
    (
        "SG101",
        Example(
            "a mask that is added, and is not there at serving",
            _ADDED_MASK,
            ("unpadded",),
            fix=f"Pass a mask without effect {_ALWAYS} that has none: ones where it says what to keep, zeros where it "
            "is added or says what to hide or change.",
            fixed=(changed(_ADDED_MASK, ("(4.0), None", "(4.0), torch.zeros(4)")),),
        ),
    ),
    (
        "SG101",
        Example(
            "a number that only serving has, and always the same one",
            _TOP_K,
            ("few",),
            fix=f"Pass `top_k` {_ALWAYS}: the same number, or a 0-d tensor with a number that has no effect where "
            "there is none.",
            fixed=(changed(_TOP_K, ("(6.0), None", "(6.0), 2")),),
        ),
    ),
    (
        "SG101",
        Example(
            "a number for which 0 is not neutral",
            _TOP_K_OR_NOT,
            ("few",),
            fix=f"Pass `top_k` {_ALWAYS}: the same number, or a 0-d tensor with a number that has no effect where "
            "there is none.",
            fixed=(
                changed(
                    _TOP_K_OR_NOT.replace("(6.0), None", "(6.0), torch.tensor(6)"),
                    ("(6.0), 2", "(6.0), torch.tensor(2)"),
                ),
            ),
        ),
    ),
    (
        "SG101",
        Example(
            "a name that only serving has",
            _ACTIVATION,
            ("step",),
            fix=f"Pass the same value of `activation` {_ALWAYS}, or compile one module for each value.",
            fixed=(
                changed(_ACTIVATION, ("torch.ones(4), None", "torch.ones(4), 'tanh'")),
                apart(
                    "2 * x",
                    "torch.tanh(2 * x)",
                    choose="activation is None",
                    chosen_by="activation",
                    profile="torch.ones(4), None, torch.ones(4), 'tanh'",
                    serving="torch.arange(4.0), 'tanh'",
                ),
            ),
        ),
    ),
    (
        "SG101",
        Example(
            "a cache that warm-up does not have",
            _PAST,
            ("next",),
            fix=f"Pass a cache of one fixed size {_ALWAYS}, with a mask that hides the rows which are not filled yet, "
            "or compile one module for calls with it and one for calls without.",
            fixed=(_FIXED_PAST, _WITH_AND_WITHOUT),
        ),
    ),
    (
        "SG102",
        Example(
            "a cache that is empty at warm-up",
            _EMPTY_PAST,
            ("next",),
            fix=f"Pass a cache of one fixed size {_ALWAYS}, with a mask that hides the rows which are not filled yet, "
            "or compile one module for calls with it and one for calls without.",
            fixed=(_FIXED_PAST,),
        ),
    ),
    (
        "SG201",
        Example(
            "a cache that says of itself how long it is",
            _COUNTED_PAST,
            ("next",),
            fix=f"Pass a cache of one fixed size {_ALWAYS}, with a mask that hides the rows which are not filled yet, "
            "or compile one module for calls with it and one for calls without.",
            fixed=(_FIXED_PAST, _WITH_AND_WITHOUT),
        ),
    ),
    (
        "SG103",
        Example(
            "a cache that says of itself that it is filled",
            _FLAGGED_PAST,
            ("next",),
            fix=f"Pass a cache of one fixed size {_ALWAYS}, with a mask that hides the rows which are not filled yet, "
            "or compile one module for calls with it and one for calls without.",
            fixed=(_FIXED_PAST, _WITH_AND_WITHOUT),
        ),
    ),
    (
        "SG101",
        Example(
            "an argument that raises before any region runs",
            _RAISES,
            ("step",),
            ("SG601",),
            fix="Repair what raises, then pass `args[1]` in the profile call and in every serving call.",
            fixed=(changed(_RAISES, ("len(x)", "len(x) - 1"), ("(4), None", "(4), torch.zeros(4, 4)")),),
        ),
    ),
    (
        "SG102",
        Example(
            "entries without effect",
            _FEATURES,
            ("two",),
            fix=f"Give `features` the same entries {_ALWAYS}: where there is nothing to pass, zeros if they are "
            "added, ones if they multiply or say what to keep.",
            fixed=(changed(_FEATURES, ("[torch.ones(3)]", "[torch.ones(3), torch.zeros(3)]")),),
        ),
    ),
    (
        "SG102",
        Example(
            "a key that only serving has",
            _BY_NAME,
            ("biased",),
            fix=f"Pass zeros (ones where it multiplies) {_ALWAYS} that has none: same type, keys, shapes, dtypes and "
            "device.",
            fixed=(
                changed(_BY_NAME, ('{"weight": torch.ones(3)}', '{"weight": torch.ones(3), "bias": torch.zeros(3)}')),
            ),
        ),
    ),
    (
        "SG102",
        Example(
            "a tuple in place of a list",
            _TUPLE,
            ("step",),
            fix="Pass `rows` with the same type in every call, converted before the compiled region.",
            fixed=(changed(_TUPLE, ("[torch.ones(3)]", "tuple([torch.ones(3)])")),),
        ),
    ),
)
