"""Fixes of the rules about modules, and about which object it is, followed."""

from __future__ import annotations

from steadygraph.rule import Example

from .texts import apart, case, changed

_LAZY = case(
    """
    if self.table is None:
        self.table = 1.0 / 100 ** (torch.arange(4) / 4)
    return x * self.table
    """,
    init="self.table = None",
)
_EARLY = case(
    "return x * self.table",
    init='self.register_buffer("table", 1.0 / 100 ** (torch.arange(4) / 4))',
)
_SET_LATER = case(
    "return 2 * x if self.bias is None else 2 * x + self.bias",
    init="self.bias = None",
    serving={"plain": "torch.arange(4.0)", "biased": "torch.arange(4.0)"},
    more="""
    def before(model, name):
        model.bias = torch.ones(4) if name == "biased" else None
    """,
)
_ALWAYS_SET = changed(
    _SET_LATER,
    ("2 * x if self.bias is None else 2 * x + self.bias", "2 * x + self.bias"),
    ("self.bias = None", 'self.register_buffer("bias", torch.zeros(4))'),
    (
        'model.bias = torch.ones(4) if name == "biased" else None',
        'model.bias.copy_(torch.full((4,), name == "biased"))',
    ),
)
_MADE = (
    "Make `self.{}` in __init__ with what the first call needs in it (a registered buffer for tensors and numbers), "
    "and change it in place (copy_) where it changes at all."
)
_PATCHED = case(
    "return self.block(x) + 1",
    init="self.block = Block()",
    top="""
    import types

    class Block(nn.Module):
        def forward(self, x):
            return x * 2

    def patched(self, x):
        return x * 3
    """,
    serving={"patched": "torch.arange(4.0)"},
    more="""
    def before(model, name):
        if name == "patched":
            model.block.forward = types.MethodType(patched, model.block)
    """,
)
_APART = (
    "before the profile call and leave it so, or compile one module for each value and choose between them outside of "
    "the region."
)
_LIST = case(
    """
    for adapter in self.adapters:
        x = x + adapter
    return 2 * x
    """,
    init="self.adapters = []",
    serving={"adapted": "torch.arange(4.0)"},
    more="""
    def before(model, name):
        if name == "adapted":
            model.adapters.append(torch.ones(4))
    """,
)
_FLAG = case(
    "return x * 2 if self.fast else x * 3",
    init="self.fast = False",
    serving={"fast": "torch.arange(4.0)"},
    more="""
    def before(model, name):
        model.fast = name == "fast"
    """,
)
_MODE = case(
    "return x * 2 if self.mode == 'sum' else x * 3",
    init="self.mode = 'sum'",
    serving={"mean": "torch.arange(4.0)"},
    more="""
    def before(model, name):
        model.mode = "mean" if name == "mean" else "sum"
    """,
)
_SHARED = case(
    "return k.sum() * k + v",
    takes="k, v",
    top="X = torch.ones(4)",
    profile="X, X",
    serving={"apart": "torch.arange(4.0), torch.ones(4)"},
)
_NEW_FUNCTION = case(
    "return x + act(x)",
    top="""
    def act(x):
        return 2 * x
    """,
    serving={"step": "torch.arange(4.0)"},
    more="""
    def before(model, name):
        global act
        if name == "step":
            act = lambda x: 2 * x
    """,
)
_TIED = case(
    "return x * self.head + self.embed",
    init="""
    self.embed = nn.Parameter(torch.ones(4), requires_grad=False)
    self.head = self.embed
    """,
    serving={"untied": "torch.arange(4.0)"},
    more="""
    def before(model, name):
        if name == "untied":
            model.head = nn.Parameter(torch.full((4,), 5.0), requires_grad=False)
    """,
)

EXAMPLES = (
    (
        "SG301",
        Example("a table that the first call makes", _LAZY, ("step",), fix=_MADE.format("table"), fixed=(_EARLY,)),
    ),
    (
        "SG301",
        Example("a tensor that is set later", _SET_LATER, ("biased",), fix=_MADE.format("bias"), fixed=(_ALWAYS_SET,)),
    ),
    (
        "SG301",
        Example(
            "a forward that is replaced after warm-up",
            _PATCHED,
            ("patched",),
            fix=f"Set `self.block.forward` {_APART}",
            fixed=(
                changed(_PATCHED, ('name == "patched"', "True")),
                apart(
                    "x * 2 + 1",
                    "x * 3 + 1",
                    choose="not patched",
                    chosen_by="patched",
                    profile="torch.ones(4), False, torch.ones(4), True",
                    serving={"patched": "torch.arange(4.0), True"},
                ),
            ),
        ),
    ),
    (
        "SG301",
        Example(
            "a list that gets an entry",
            _LIST,
            ("adapted",),
            fix="Give `self.adapters` all its entries before the profile call, with entries that have no effect yet, "
            "and change those in place (copy_).",
            fixed=(
                changed(
                    _LIST,
                    ("self.adapters = []", "self.adapters = [torch.zeros(4)]"),
                    ("model.adapters.append(torch.ones(4))", "model.adapters[0].copy_(torch.ones(4))"),
                ),
            ),
        ),
    ),
    (
        "SG301",
        Example(
            "a flag",
            _FLAG,
            ("fast",),
            fix="Keep `self.fast` in a buffer (register_buffer) and change it in place; where it decides, select with "
            "torch.where.",
            fixed=(
                changed(
                    _FLAG,
                    ("x * 2 if self.fast else x * 3", "torch.where(self.fast, x * 2, x * 3)"),
                    ("self.fast = False", 'self.register_buffer("fast", torch.tensor(False))'),
                    ('model.fast = name == "fast"', 'model.fast.fill_(name == "fast")'),
                ),
            ),
        ),
    ),
    (
        "SG301",
        Example(
            "a word",
            _MODE,
            ("mean",),
            fix=f"Set `self.mode` {_APART}",
            fixed=(changed(_MODE, ('"mean" if name == "mean" else "sum"', '"mean"')),),
        ),
    ),
    (
        "SG302",
        Example(
            "one tensor passed twice at profile",
            _SHARED,
            ("apart",),
            fix="Pass inputs that share memory in every call or in none: clone() one of them.",
            fixed=(changed(_SHARED, ("X, X", "X, X.clone()")),),
        ),
    ),
    (
        "SG302",
        Example(
            "a function that is made for each call",
            _NEW_FUNCTION,
            ("step",),
            fix="Make the object of `act` once, before the profile call, and use it in every call.",
            fixed=(changed(_NEW_FUNCTION, ('if name == "step"', 'if name == "profile"')),),
        ),
    ),
    (
        "SG302",
        Example(
            "weights that are no longer tied",
            _TIED,
            ("untied",),
            fix="Tie or untie `self.embed` before the profile call, as it is in serving, and leave it so.",
            fixed=(changed(_TIED, ('if name == "untied"', 'if name == "profile"')),),
        ),
    ),
)
