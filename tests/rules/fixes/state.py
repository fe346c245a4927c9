"""Fixes of the rules about global state, missing guards and captured memory, followed."""

from __future__ import annotations

from steadygraph.rule import Example

from .texts import case, changed

_LAYER = case(
    "return self.layer(x).relu()",
    init="self.layer = nn.Linear(4, 4)",
    profile="torch.ones(2, 4)",
    serving={"step": "torch.arange(8.0).view(2, 4)"},
)
_GRAD_LATER = _LAYER + "\ndef context(name):\n    return torch.set_grad_enabled(name != 'profile')\n"
_INFERENCE = _LAYER + "\ndef context(name):\n    return torch.inference_mode(name != 'profile')\n"
_NO_INFERENCE = _LAYER + "\ndef context(name):\n    return torch.inference_mode(name == 'profile')\n"
_AUTOCAST = (
    _LAYER + "\ndef context(name):\n    return torch.autocast('cpu', torch.bfloat16, enabled=name == 'profile')\n"
)
_AUTOCAST_DTYPE = (
    _LAYER
    + "\ndef context(name):\n"
    + "    return torch.autocast('cpu', torch.bfloat16 if name == 'profile' else torch.float16)\n"
)
_DTYPE = case(
    "return x + torch.ones(4)",
    more="""
    def before(model, name):
        torch.set_default_dtype(torch.float32 if name == "profile" else torch.float64)
    """,
)
_GLOBAL = case(
    "return x * 2 if FAST else x * 3",
    top="FAST = False",
    serving={"fast": "torch.arange(4.0)"},
    more="""
    def before(model, name):
        global FAST
        FAST = name == "fast"
    """,
)
_MADE_UNDER = case(
    "return x * 2",
    top="""
    with torch.inference_mode():
        X = torch.ones(4)
    """,
    profile="torch.ones(4)",
    serving={"step": "X"},
)
_MADE_OUTSIDE = case(
    "return x * 2",
    top="""
    with torch.inference_mode():
        X = torch.ones(4)
    """,
    profile="X",
    serving={"step": "torch.ones(4)"},
)
_HOOK = case(
    "return self.block(x) + 1",
    init="self.block = Block()",
    top="""
    class Block(nn.Module):
        def forward(self, x):
            return x * 2
    """,
    serving={"hooked": "torch.arange(4.0)"},
    more="""
    def before(model, name):
        if name == "hooked":
            model.block.register_forward_pre_hook(lambda module, args: (args[0] * 5,))
    """,
)
_WEIGHT = case(
    "return x @ self.weight",
    init="self.weight = nn.Parameter(torch.eye(4), requires_grad=False)",
    serving={"synced": "torch.arange(4.0)"},
    more="""
    CUDA_GRAPH = True

    def before(model, name):
        if name == "synced":
            model.weight.data = 5 * torch.eye(4)
    """,
)

_PADDING = case(
    "return x / x.abs().amax().clamp(min=1.0)",
    profile="torch.ones(4)",
    serving={"padded": "torch.tensor([1.0, 1.0, 1.0, torch.nan])"},
    more="""
    def observe(model, out):
        return out[:3]
    """,
)

EXAMPLES = (
    (
        "SG605",
        Example(
            "a buffer of which padding is never written",
            _PADDING,
            ("padded",),
            fix="Write finite values into all of `args[0]` before it is read.",
            fixed=(changed(_PADDING, ("torch.nan", "0.0")),),
        ),
    ),
    (
        "SG303",
        Example(
            "gradients at serving only",
            _GRAD_LATER,
            ("step",),
            fix="Leave out torch.no_grad() around the profile call, as serving does.",
            fixed=(_LAYER,),
        ),
    ),
    (
        "SG303",
        Example(
            "inference mode at serving only",
            _INFERENCE,
            ("step",),
            fix="Enter torch.inference_mode() around the profile call, as serving does.",
            fixed=(changed(_INFERENCE, ("name != 'profile'", "True")),),
        ),
    ),
    (
        "SG303",
        Example(
            "inference mode at profile only",
            _NO_INFERENCE,
            ("step",),
            fix="Leave out torch.inference_mode() around the profile call, as serving does.",
            fixed=(_LAYER,),
        ),
    ),
    (
        "SG303",
        Example(
            "autocast at profile only",
            _AUTOCAST,
            ("step",),
            fix='Leave out torch.autocast("cpu") around the profile call, as serving does.',
            fixed=(_LAYER,),
        ),
    ),
    (
        "SG303",
        Example(
            "autocast with another dtype",
            _AUTOCAST_DTYPE,
            ("step",),
            fix='Enter torch.autocast("cpu", torch.float16) around the profile call, as serving does.',
            fixed=(changed(_AUTOCAST_DTYPE, ("torch.bfloat16 if name == 'profile' else ", "")),),
        ),
    ),
    (
        "SG303",
        Example(
            "another default dtype",
            _DTYPE,
            ("step",),
            fix="Set default dtype to torch.float64 before the profile call, and leave it so.",
            fixed=(changed(_DTYPE, ('torch.float32 if name == "profile" else ', "")),),
        ),
    ),
    (
        "SG303",
        Example(
            "a global variable",
            _GLOBAL,
            ("fast",),
            fix="Set `FAST` before the profile call and not after it, or pass what changes as a tensor.",
            fixed=(
                changed(_GLOBAL, ('FAST = name == "fast"', "FAST = True")),
                case(
                    "return torch.where(fast, x * 2, x * 3)",
                    takes="x, fast",
                    profile="torch.ones(4), torch.tensor(False)",
                    serving={"fast": "torch.arange(4.0), torch.tensor(True)"},
                ),
            ),
        ),
    ),
    (
        "SG303",
        Example(
            "a tensor made under inference mode at serving",
            _MADE_UNDER,
            ("step",),
            fix="Pass x.clone(), made outside of inference mode.",
            fixed=(changed(_MADE_UNDER, ("((X,)", "((X.clone(),)")),),
        ),
    ),
    (
        "SG209",
        Example(
            "a tensor made under inference mode at profile",
            _MADE_OUTSIDE,
            ("step",),
            fix="Pass the same kind of tensor as `x` in every call: unwrap it, or clone() it outside of inference "
            "mode, before the region.",
            fixed=(changed(_MADE_OUTSIDE, ("return (X,)", "return (X.clone(),)")),),
        ),
    ),
    (
        "SG304",
        Example(
            "a hook that is registered after warm-up",
            _HOOK,
            ("hooked",),
            fix="Pass what changes as a tensor argument, or keep it in a buffer that forward reads; register a hook "
            "before the profile call and leave it there.",
            fixed=(changed(_HOOK, ('name == "hooked"', 'name == "profile"')),),
        ),
    ),
    (
        "SG501",
        Example(
            "a weight that is replaced after the capture",
            _WEIGHT,
            ("synced",),
            fix="Write into `self.weight` in place (copy_) and never put another tensor there.",
            fixed=(changed(_WEIGHT, ("model.weight.data = 5 * torch.eye(4)", "model.weight.copy_(5 * torch.eye(4))")),),
        ),
    ),
)
