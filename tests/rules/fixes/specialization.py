"""Fixes of the rules about numbers, sizes and properties of tensors, followed."""

from __future__ import annotations

from steadygraph.rule import Example

from .texts import apart, case, changed

_REPLAYED = case(
    "return x * scale",
    takes="x, scale",
    profile="torch.ones(4), 2.0",
    serving={"other": "torch.ones(4), 3.0"},
    more="""
    CUDA_GRAPH = True
    COMPILE = {"dynamic": True}
    """,
)
_REPLAYED_INT = _REPLAYED.replace("2.0", "2").replace("3.0", "3")
_READ = case("return x * x.sum().item()", serving={"other": "2 * torch.ones(4)"})
_STATED = """
LIMIT = [{0}]

@torch.compiler.disable
def limit():
    return LIMIT[0]
"""
_FROM_A_FUNCTION = case(
    "return x * limit()",
    top=_STATED.format("4"),
    serving={"other": "torch.ones(4)"},
    more="""
    def before(model, name):
        LIMIT[0] = 4 if name == "profile" else 8
    """,
)
_TENSOR_FROM_A_FUNCTION = case(
    "return x * limit()",
    top=_STATED.format("torch.tensor(4)"),
    serving={"other": "torch.ones(4)"},
    more="""
    def before(model, name):
        LIMIT[0] = torch.tensor(4 if name == "profile" else 8)
    """,
)
_SELECTED = case(
    "return (2 * x[x > 0]).sum()",
    profile="torch.ones(4)",
    serving={"fewer": "torch.tensor([1.0, 1.0, -1.0, -1.0])"},
)
_BOUND = case(
    "return x * 2 if n <= 8 else x * 3",
    takes="x, n",
    profile="torch.ones(4), 4",
    serving={"above": "torch.ones(4), 9"},
    more='COMPILE = {"dynamic": True}',
)
_TWO_SIZES = case(
    "return (x * weight[:, None]).sum(0)",
    takes="x, weight",
    profile="torch.ones(8, 4), torch.ones(8)",
    serving={"six": "torch.ones(6, 4), torch.ones(6)"},
)
_SIDES = case(
    "return x * 2 if x.shape[0] <= 16 else x * 3",
    profile="torch.ones(8, 4)",
    serving={"short": "torch.ones(12, 4)", "long": "torch.ones(24, 4)"},
    more="""
    def mark(args, kwargs):
        torch._dynamo.mark_dynamic(args[0], 0)
    """,
)
_MARKED = changed(_SIDES, ("x.shape[0] <= 16", "x.shape[0] == 8"))
_ROWS = """
def before(model, name):
    model.rows = torch.ones({rows})
"""
_WORKSPACE = case(
    "return x + self.rows.sum()",
    init="self.rows = torch.ones(4)",
    serving={"step": "torch.arange(4.0)"},
    more=_ROWS.format(rows='8 if name == "step" else 4'),
)
_OF_THE_MODULE = case(
    "return (x @ self.weight).sum(0)",
    init='self.register_buffer("weight", torch.eye(4))',
    profile="torch.ones(2, 4)",
    serving={"step": "torch.ones(2, 4)"},
    more="""
    def before(model, name):
        if name == "step":
            model.weight = torch.eye(4)
    """,
)
_NEW = "model.weight = torch.eye(4)"
_TWO_DTYPES = case(
    "return a + b",
    takes="a, b",
    profile="torch.ones(4, dtype=torch.int32), torch.ones(4, dtype=torch.int32)",
    serving={"step": "torch.arange(4), torch.arange(4)"},
)
_FLIPPED_BACK = case(
    "return a + b",
    takes="a, b",
    profile="torch.ones(4, requires_grad=True), torch.ones(4)",
    serving={"step": "torch.arange(4.0), torch.ones(4)"},
)
_CACHE_WITH_GRADIENT = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(3))
        self.register_buffer("cache", torch.zeros(4, 3))

    def forward(self, x, rows):
        self.cache.index_copy_(0, rows, x * self.scale)
        return self.cache.sum(0)

def build():
    return Net()

def profile():
    return (torch.ones(2, 3), torch.arange(2)), {}

def serving():
    return {"next": ((torch.ones(2, 3), torch.arange(2, 4)), {})}
"""

EXAMPLES = (
    (
        "SG202",
        Example(
            "a float that a captured graph was launched with",
            _REPLAYED,
            ("other",),
            fix="Pass `args[1]` as a 0-d tensor, which a replay reads anew, or capture a graph for each value.",
            fixed=(
                changed(_REPLAYED, ("2.0", "torch.tensor(2.0)"), ("3.0", "torch.tensor(3.0)")),
                apart(
                    "x * 2",
                    "x * 3",
                    choose="scale == 2",
                    chosen_by="scale",
                    profile="torch.ones(4), 2, torch.ones(4), 3",
                    serving={"other": "torch.ones(4), 3"},
                    more="CUDA_GRAPH = True",
                ),
            ),
        ),
    ),
    (
        "SG201",
        Example(
            "an int that a captured graph was launched with",
            _REPLAYED_INT,
            ("other",),
            fix="Pass `args[1]` as a 0-d tensor, which a replay reads anew, or capture a graph for each value.",
            fixed=(changed(_REPLAYED_INT, (", 2,", ", torch.tensor(2),"), (", 3,", ", torch.tensor(3),")),),
        ),
    ),
    (
        "SG201",
        Example(
            "a condition on an int",
            _BOUND,
            ("above",),
            fix="Pass a tensor in place of the number and select with torch.where, or compile one module for each "
            "side of the condition.",
            fixed=(
                changed(
                    _BOUND,
                    ("x * 2 if n <= 8 else x * 3", "torch.where(n <= 8, x * 2, x * 3)"),
                    (", 4,", ", torch.tensor(4),"),
                    (", 9,", ", torch.tensor(9),"),
                ),
                apart(
                    "x * 2",
                    "x * 3",
                    choose="n <= 8",
                    chosen_by="n",
                    profile="torch.ones(4), 4, torch.ones(4), 9",
                    serving={"above": "torch.ones(4), 9"},
                ),
            ),
        ),
    ),
    (
        "SG202",
        Example(
            "a float that one graph hands to the next one",
            _READ,
            ("other",),
            ("SG401", "SG402"),
            fix="Remove the graph break, or keep the value in a tensor: a number that one graph hands on is a "
            "constant.",
            fixed=(changed(_READ, (".item()", "")),),
        ),
    ),
    (
        "SG201",
        Example(
            "an int that one graph hands to the next one",
            _FROM_A_FUNCTION,
            ("other",),
            ("SG401",),
            fix="Remove the graph break, or keep the value in a tensor: a number that one graph hands on is a "
            "constant.",
            fixed=(_TENSOR_FROM_A_FUNCTION,),
        ),
    ),
    (
        "SG203",
        Example(
            "sizes that one graph hands to the next one",
            _SELECTED,
            ("fewer",),
            ("SG401", "SG402"),
            fix="Remove the graph break: the sizes of what one graph hands to the next one are constants.",
            fixed=(changed(_SELECTED, ("2 * x[x > 0]", "2 * x * (x > 0)")),),
        ),
    ),
    (
        "SG203",
        Example(
            "sizes of two arguments that change together",
            _TWO_SIZES,
            ("six",),
            fix="Mark the dimensions on the profile inputs: torch._dynamo.mark_dynamic(x, 0), "
            "torch._dynamo.mark_dynamic(weight, 0).",
            fixed=(
                _TWO_SIZES
                + """
def mark(args, kwargs):
    x, weight = args
    torch._dynamo.mark_dynamic(x, 0), torch._dynamo.mark_dynamic(weight, 0)
""",
            ),
        ),
    ),
    (
        "SG203",
        Example(
            "a size that one call alone has, of a dimension that is marked",
            _MARKED,
            ("short", "long"),
            ("SG211",),
            fix="Write the code for every size of dimension 0 of `x`, which is marked as dynamic.",
            fixed=(changed(_MARKED, ("x * 2 if x.shape[0] == 8 else x * 3", "x * 3")),),
        ),
    ),
    (
        "SG203",
        Example(
            "a module for each side of a branch",
            _SIDES,
            ("long",),
            fix="Write the code without the condition on sizes, or compile one module for each side of it and choose "
            "between them outside of the region.",
            fixed=(
                apart(
                    "x * 2",
                    "x * 3",
                    choose="rows <= 16",
                    chosen_by="rows",
                    profile="torch.ones(8, 4), 8, torch.ones(18, 4), 18",
                    serving={"short": "torch.ones(12, 4), 12", "long": "torch.ones(24, 4), 24"},
                    more="""
                    def mark(args, kwargs):
                        torch._dynamo.mark_dynamic(args[0], 0), torch._dynamo.mark_dynamic(args[2], 0)
                    """,
                ),
            ),
        ),
    ),
    (
        "SG203",
        Example(
            "a table of the module that is longer at serving",
            _WORKSPACE,
            ("step",),
            fix="Allocate `self.rows` once in the largest size and use a part of it, so that its shape never changes.",
            fixed=(
                changed(
                    _WORKSPACE,
                    ("self.rows = torch.ones(4)", "self.rows, self.used = torch.ones(8), torch.zeros(8)"),
                    ("self.rows.sum()", "(self.rows * self.used).sum()"),
                    (
                        'model.rows = torch.ones(8 if name == "step" else 4)',
                        'model.used.copy_(torch.arange(8) < (8 if name == "step" else 4))',
                    ),
                ),
            ),
        ),
    ),
    (
        "SG206",
        Example(
            "a weight that is converted after warm-up",
            changed(_OF_THE_MODULE, (_NEW, "model.weight = torch.eye(4).double()")).replace(
                "x @ self.weight", "x * self.weight[0]"
            ),
            ("step",),
            fix="Convert `self.weight` before the profile call and not after it.",
            fixed=(
                changed(
                    _OF_THE_MODULE, ('if name == "step":', 'if name == "profile":'), (_NEW, "model.double()")
                ).replace("x @ self.weight", "x * self.weight[0]"),
            ),
        ),
    ),
    (
        "SG206",
        Example(
            "two tensors of other dtypes",
            _TWO_DTYPES,
            ("step",),
            fix="Cast before the compiled region, a.to(torch.int32), or profile with torch.int64; likewise for the "
            "others.",
            fixed=(_TWO_DTYPES.replace("torch.arange(4)", "torch.arange(4).to(torch.int32)"),),
        ),
    ),
    (
        "SG206",
        Example(
            "profiled with the dtype of serving",
            case("return x * 0.5", serving={"step": "torch.arange(4.0, dtype=torch.float64)"}),
            ("step",),
            fix="Cast before the compiled region, x.to(torch.float32), or profile with torch.float64.",
            fixed=(
                case(
                    "return x * 0.5",
                    profile="torch.ones(4, dtype=torch.float64)",
                    serving={"step": "torch.arange(4.0, dtype=torch.float64)"},
                ),
            ),
        ),
    ),
    (
        "SG207",
        Example(
            "a weight that is transposed after warm-up",
            changed(_OF_THE_MODULE, (_NEW, "model.weight = torch.arange(16.0).view(4, 4).t()")),
            ("step",),
            fix="Make `self.weight` contiguous before the profile call, and write into it in place (copy_) afterwards.",
            fixed=(changed(_OF_THE_MODULE, (_NEW, "model.weight.copy_(torch.arange(16.0).view(4, 4).t())")),),
        ),
    ),
    (
        "SG208",
        Example(
            "a gradient in the profile call only",
            _FLIPPED_BACK,
            ("step",),
            fix="Profile with a tensor that requires no gradient: a.detach().",
            fixed=(changed(_FLIPPED_BACK, ("requires_grad=True)", "requires_grad=True).detach()")),),
        ),
    ),
    (
        "SG208",
        Example(
            "a cache that takes results with a gradient",
            _CACHE_WITH_GRADIENT,
            ("next",),
            fix="Leave self.cache.requires_grad False in every call, and write into it under torch.no_grad().",
            fixed=(
                changed(
                    _CACHE_WITH_GRADIENT,
                    ("        self.cache", "        with torch.no_grad():\n            self.cache"),
                ),
            ),
        ),
    ),
    (
        "SG208",
        Example(
            "a parameter that is frozen after warm-up",
            changed(
                _OF_THE_MODULE,
                ('self.register_buffer("weight", torch.eye(4))', "self.weight = nn.Parameter(torch.eye(4))"),
                (_NEW, "model.weight.requires_grad_(False)"),
            ),
            ("step",),
            fix="Set self.weight.requires_grad_(True) before the profile call and leave it so.",
            fixed=(
                changed(
                    _OF_THE_MODULE,
                    ('self.register_buffer("weight", torch.eye(4))', "self.weight = nn.Parameter(torch.eye(4))"),
                    ('if name == "step":', 'if name == "profile":'),
                    (_NEW, "model.weight.requires_grad_(True)"),
                ),
            ),
        ),
    ),
    (
        "SG210",
        Example(
            "a weight that is moved after warm-up",
            changed(_OF_THE_MODULE, (_NEW, 'model.weight = torch.eye(4, device="meta")')).replace(
                "(x @ self.weight).sum(0)", "self.weight * 2"
            )
            + "\ndef observe(model, out):\n    return out.shape\n",
            ("step",),
            fix="Move `self.weight` to its device before the profile call and not after it.",
            fixed=(
                changed(
                    _OF_THE_MODULE, ('if name == "step":', 'if name == "profile":'), (_NEW, 'model.to("meta")')
                ).replace("(x @ self.weight).sum(0)", "self.weight * 2")
                + "\ndef observe(model, out):\n    return out.shape\n",
            ),
        ),
    ),
)
