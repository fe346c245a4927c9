"""Fixes of the rules about graph breaks, and about outcomes that nothing explains, followed."""

from __future__ import annotations

from steadygraph.rule import Example

from .texts import case, changed

_BOTH = ("profile", "step")
_OUTSIDE = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = Layer()

    def forward(self, x):
        return self.layer(x, {given})

def regions(model):
    return [model.layer]
"""


def outside(text: str, layer: str, given: str) -> str:
    """The case with a layer as its region, which gets from outside what was calculated inside."""
    before, _, rest = text.partition("class Net")
    _, _, after = rest.partition("\ndef build")
    inner = f"class Layer(nn.Module):\n    def forward(self, x, given):\n        return {layer}\n"
    return f"{before}{inner}{_OUTSIDE.format(given=given)}\ndef build{after}"


_ITEM = case("return x * x.sum().item()", profile="torch.ones(4)", serving="torch.ones(4)")
_BRANCH = case(
    """
    if x.sum() > 9:
        return x * 2
    return x * 3
    """,
    serving="torch.ones(4)",
)
_CALL = case(
    """
    x = x * 2
    time.sleep(0)
    return x + 1
    """,
    top="import time",
)
_OPERATOR = """
import time

@torch.library.custom_op("followed::waited", mutates_args=())
def waited(x: torch.Tensor) -> torch.Tensor:
    time.sleep(0)
    return x.clone()

@waited.register_fake
def _(x):
    return torch.empty_like(x)
"""
_NO_FAKE = case(
    "return torch.ops.followed_no_fake.doubled(2 * x) + 1",
    top="""
    LIBRARY = torch.library.Library("followed_no_fake", "FRAGMENT")
    if not hasattr(torch.ops.followed_no_fake, "doubled"):
        LIBRARY.define("doubled(Tensor x) -> Tensor")
        LIBRARY.impl("doubled", lambda x: 2 * x, "CPU")
    """,
)
_FAKE = case(
    "return doubled(x) + 1",
    top="""
    @torch.library.custom_op("followed::doubled", mutates_args=())
    def doubled(x: torch.Tensor) -> torch.Tensor:
        return 2 * x
    """,
)
_FAKE = """
@torch.library.register_fake("followed_no_fake::doubled")
def _(x):
    return torch.empty_like(x)

class Net"""
_DISABLED = case(
    "return x * count(x)",
    top="""
    @torch.compiler.disable
    def count(x):
        return 2 * x
    """,
)
_SKIPPED = case(
    """
    for row in range(2):
        x = x + row
        torch._dynamo.graph_break()
    return x
    """
)
_DECORATED = changed(
    case(
        "return 2 * x",
        top="""
        import functools
        import threading

        LOCK = threading.Lock()

        def prepared(forward):
            @functools.wraps(forward)
            def wrapper(self, *args, **kwargs):
                if not self.ready:
                    with LOCK:
                        self.ready = True
                return forward(self, *args, **kwargs)
            return wrapper
        """,
        init="self.ready = False",
    ),
    ("    def forward", "    @prepared\n    def forward"),
)
_LOCKED = """\
        if not self.ready:
            with LOCK:
                self.ready = True
"""
_EARLIER = case(
    """
    if rows is not None:
        self.rows.copy_(rows)
    return 2 * x + self.rows
    """,
    takes="x, rows=None",
    init='self.register_buffer("rows", torch.zeros(4))',
    profile="torch.ones(4), None",
    serving={"writes": "torch.ones(4), torch.arange(4.0)", "reads": "torch.ones(4), None"},
)

_DEEP = case(
    """
    x = self.first(x)
    return self.deep(x) if deep else x
    """,
    init="self.first, self.deep = Layer(), Layer()",
    takes="x, deep=False",
    top="""
    class Layer(nn.Module):
        def forward(self, x):
            return 2 * x
    """,
    more="""
    def regions(model):
        return [model.first, model.deep]
    """,
)
_MODE = case(
    "return 2 * x",
    top="""
    from torch.utils._python_dispatch import TorchDispatchMode

    class Counting(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            return func(*args, **(kwargs or {}))
    """,
    more="""
    def context(name):
        return Counting()
    """,
)
_IGNORED = """\
    @classmethod
    def ignore_compile_internals(cls):
        return True

    def __torch_dispatch__"""
_NO_STEPS = case(
    """
    for _ in range(len(steps)):
        x = x * 2
    return x
    """,
    takes="x, steps",
    profile="torch.ones(4), ()",
    serving={"one": "torch.arange(4.0), (1,)"},
)

_RAGGED = case(
    """
    x = self.twice(x)
    return x.to_padded_tensor(0.0) if x.is_nested else x
    """,
    init="self.twice = Twice()",
    top="""
    class Twice(nn.Module):
        def forward(self, x):
            return 2 * x

    def nested(**options):
        return torch.nested.nested_tensor([torch.ones(2, 4), torch.ones(3, 4)], **options)
    """,
    profile="torch.ones(2, 3, 4)",
    serving="nested()",
    more="""
    def regions(model):
        return [model.twice]
    """,
)

EXAMPLES = (
    (
        "SG403",
        Example(
            "a layer that no call runs",
            _DEEP,
            ("profile",),
            fix="Return from regions() the modules that the calls run, or add a call that runs this one.",
            fixed=(changed(_DEEP, ("return (torch.ones(4),)", "return (torch.ones(4), True)")),),
        ),
    ),
    (
        "SG403",
        Example(
            "a mode around every call",
            _MODE,
            ("profile",),
            fix="Leave the mode outside of the compiled region, or let its class method ignore_compile_internals() "
            "return True.",
            fixed=(
                changed(_MODE, ("return Counting()", "return torch.no_grad()")),
                changed(_MODE, ("    def __torch_dispatch__", _IGNORED)),
            ),
        ),
    ),
    (
        "SG403",
        Example(
            "a profile call that does nothing",
            _NO_STEPS,
            ("profile",),
            fix="Let the profile call do the work of a serving call.",
            fixed=(changed(_NO_STEPS, ("ones(4), ()", "ones(4), (1,)")),),
        ),
    ),
    (
        "SG401",
        Example(
            "a value that is read",
            _ITEM,
            _BOTH,
            ("SG402",),
            fix="Keep the value in a tensor, or compute it before the compiled region and pass it in as a tensor.",
            fixed=(changed(_ITEM, (".item()", "")), outside(_ITEM, "x * given", "x.sum()")),
        ),
    ),
    (
        "SG401",
        Example(
            "a branch that is moved out",
            _BRANCH,
            _BOTH,
            ("SG402",),
            fix="Write the branch as data (torch.where, torch.cond), or move it out of the region.",
            fixed=(outside(_BRANCH, "x * given", "torch.full((), 2.0) if x.sum() > 9 else torch.full((), 3.0)"),),
        ),
    ),
    (
        "SG401",
        Example(
            "a call that Dynamo cannot trace",
            _CALL,
            _BOTH,
            fix="Move the call out of the compiled region, or wrap it as a custom operator.",
            fixed=(
                outside(_CALL, "x * 2 + 1", "time.sleep(0)"),
                changed(
                    _CALL,
                    ("import time", _OPERATOR),
                    ("        time.sleep(0)\n        return x", "        return waited(x)"),
                ),
            ),
        ),
    ),
    (
        "SG401",
        Example(
            "an operator of which nothing is known",
            _NO_FAKE,
            _BOTH,
            fix='Tell what its result looks like: @torch.library.register_fake("followed_no_fake::doubled").',
            fixed=(changed(_NO_FAKE, ("class Net", _FAKE)),),
        ),
    ),
    (
        "SG401",
        Example(
            "a function that may not be compiled",
            _DISABLED,
            _BOTH,
            fix="Call the function outside of the compiled region, or allow it to be compiled.",
            fixed=(changed(_DISABLED, ("@torch.compiler.disable\n", "")), outside(_DISABLED, "x * given", "count(x)")),
        ),
    ),
    (
        "SG401",
        Example(
            "a break in a loop",
            _SKIPPED,
            _BOTH,
            fix="Rewrite what Dynamo cannot trace, or move it out of the compiled region.",
            fixed=(changed(_SKIPPED, ("            torch._dynamo.graph_break()\n", "")),),
        ),
    ),
    (
        "SG401",
        Example(
            "a lock that a decorator takes once",
            _DECORATED,
            _BOTH,
            ("SG301",),
            fix="Call the model once like this before it is compiled, if the decorator does so at the first call only; "
            "otherwise move what it does out of the compiled region.",
            fixed=(
                changed(_DECORATED, ("return Net()", "model = Net()\n    model(torch.ones(4))\n    return model")),
                changed(_DECORATED, (_LOCKED, "")),
            ),
        ),
    ),
    (
        "SG604",
        Example(
            "a call that goes on from what another one left",
            _EARLIER,
            ("reads",),
            ("SG101",),
            fix="Mend the earlier call: this one goes on from what it left behind.",
            fixed=(
                changed(
                    _EARLIER,
                    ("if rows is not None:\n            self.rows.copy_(rows)", "self.rows.lerp_(rows, keep)"),
                    ("rows=None", "rows, keep"),
                    ("return (torch.ones(4), None,)", "return (torch.ones(4), torch.zeros(4), torch.zeros(4),)"),
                    ("torch.arange(4.0),)", "torch.arange(4.0), torch.ones(4),)"),
                    ("((torch.ones(4), None,)", "((torch.ones(4), torch.zeros(4), torch.zeros(4),)"),
                ),
            ),
        ),
    ),
    (
        "SG901",
        Example(
            "a nested tensor whose strides nobody can ask",
            _RAGGED,
            ("step",),
            fix="Pass tensors that torch.compile can guard: of a nested one, a tensor with layout=torch.jagged.",
            fixed=(
                changed(_RAGGED, ("torch.ones(2, 3, 4)", "nested()")).replace(
                    "nested()", "nested(layout=torch.jagged)"
                ),
            ),
        ),
    ),
)
