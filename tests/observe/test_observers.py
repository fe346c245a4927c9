"""What runs under an observer is what runs without it: each alone, held against the bare call."""

from __future__ import annotations

import contextlib
import warnings

import pytest
import torch
from torch import nn
from torch._dynamo.testing import CompileCounter
from torch._dynamo.utils import counters
from torch.nn.attention.flex_attention import create_block_mask, flex_attention
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from steadygraph import no_recompiles, torch_private
from steadygraph.accelerator import ComparisonWatch
from steadygraph.observe.replay.tape import Tape
from steadygraph.observe.run.session import CompileSession
from steadygraph.observe.syncs.syncs import SyncWatch

X = torch.linspace(-1, 1, 4 * 16).reshape(1, 1, 4, 16)


class CompilesInside(nn.Module):
    """A helper as vLLM writes it: it raises where Dynamo leaves its frame alone."""

    def __init__(self):
        super().__init__()
        self.counter = CompileCounter()
        self._helper = torch.compile(lambda x: x.sin() + x.cos(), backend=self.counter, fullgraph=True)

    def forward(self, x):
        return self._helper(x * 2)


class CompiledBlock(nn.Module):
    def __init__(self):
        super().__init__()
        self.counter = CompileCounter()
        self.block = CompilesNothing()
        self.block.compile(backend=self.counter, fullgraph=True)
        self.wrapped = torch.compile(CompilesNothing(), backend=self.counter, fullgraph=True)

    def forward(self, x):
        return self.wrapped(self.block(x))


class CompilesNothing(nn.Module):
    def forward(self, x):
        return x.relu() + 1


class Flex(nn.Module):
    def forward(self, x):
        mask = create_block_mask(lambda b, h, i, j: i >= j, None, None, 4, 4, device="cpu", BLOCK_SIZE=2)
        with warnings.catch_warnings(action="ignore"):
            return flex_attention(x, x, x, block_mask=mask)


class Cond(nn.Module):
    """Its branch closes over a parameter: without Dynamo, cond cannot derive by that."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(2.0))

    def forward(self, x):
        return torch.cond(x.sum() < 1, lambda x: x.sin() * self.scale, lambda x: x.cos(), (x,))


@torch.compiler.disable(recursive=False)
def excluded(x):
    return cubed(x) + cubed(x * 2)


def cubed(x):
    return x * x * x


class ExcludesOneFrame(nn.Module):
    """What an excluded function calls is compiled, and it is not."""

    def forward(self, x):
        return excluded(x + 1)


class Square(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight):
        ctx.save_for_backward(x, weight)
        return x * x * weight

    @staticmethod
    def backward(ctx, grad):
        x, weight = ctx.saved_tensors
        return None, (grad * x * x).sum() * 3 * weight / weight  # not what autograd would find


class CustomFunction(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(2.0))

    def forward(self, x):
        return Square.apply(x, self.weight)


class Doubling(torch.Tensor):
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        made = super().__torch_function__(func, types, args, kwargs or {})
        return made * 2 if func is torch.sin else made


class Subclass(nn.Module):
    def forward(self, x):
        return torch.sin(x.as_subclass(Doubling)).as_subclass(torch.Tensor)


class Negative(TorchFunctionMode):
    def __torch_function__(self, func, types, args=(), kwargs=None):
        made = func(*args, **(kwargs or {}))
        return -made if func is torch.sin else made


class FunctionMode(nn.Module):
    def forward(self, x):
        with Negative():
            return torch.sin(x)


class Halving(TorchDispatchMode):
    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        made = func(*args, **(kwargs or {}))
        return made / 2 if func is torch.ops.aten.sin.default else made


class DispatchMode(nn.Module):
    def forward(self, x):
        with Halving():
            return torch.sin(x)


class PaddedEncoder(nn.Module):
    """The fast path gives other values for padding than the slow one, which it leaves where somebody listens."""

    def __init__(self):
        super().__init__()
        with warnings.catch_warnings(action="ignore"):
            layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
            self.encoder = nn.TransformerEncoder(layer, 2)

    def forward(self, x):
        padded = torch.tensor([[False, False, True, True]])
        with torch.no_grad(), warnings.catch_warnings(action="ignore"):
            return self.encoder(x[0], src_key_padding_mask=padded)


class Reads(nn.Module):
    def forward(self, x):
        sizes = torch.tensor(x.mean(-1).tolist()).nonzero().cpu()
        return x * sizes.sum() if (x > 0).any() else x


MODELS = (
    CompilesInside,
    CompiledBlock,
    Flex,
    Cond,
    CustomFunction,
    Subclass,
    FunctionMode,
    DispatchMode,
    ExcludesOneFrame,
    PaddedEncoder,
    Reads,
)


def _taped(model):
    return lambda x: Tape.of(model, (x,), {}).output


#: Those that look at a call in eager mode.
EAGER = {
    "forced eager": (contextlib.nullcontext, lambda model: model),
    "syncs": (lambda: SyncWatch().watching(), lambda model: model),
    "syncs on a device": (lambda: SyncWatch(device="cuda").watching(), lambda model: model),
    "comparisons": (lambda: ComparisonWatch().watching(), lambda model: model),
    "tape": (contextlib.nullcontext, _taped),
}


@pytest.fixture(autouse=True)
def _fresh_dynamo():
    torch._dynamo.reset()
    counters.clear()
    yield
    torch._dynamo.reset()


def made(kind):
    torch.manual_seed(0)
    return kind().eval()


def seen(model, call):
    """Output and gradients, graphs compiled by the back end of the model, and by anybody."""
    counters.clear()
    torch._dynamo.reset()
    own = getattr(model, "counter", None) or CompileCounter()
    before = own.frame_count
    output = call(X)
    parameters = list(model.parameters())
    gradients = torch.autograd.grad(output.sum(), parameters, allow_unused=True) if output.requires_grad else ()
    frames = own.frame_count - before
    return (output.detach(), *gradients), frames, counters["stats"]["unique_graphs"]


@pytest.mark.parametrize("kind", MODELS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("observer", EAGER)
def test_what_runs_under_an_observer_of_eager_mode_is_what_runs_without_it(observer, kind):
    around, watched = EAGER[observer]
    model = made(kind)
    values, own, frames = seen(model, model)

    with torch_private.compiles_forced_eager(), around():
        found, compiled, frames_seen = seen(model, watched(model))

    torch.testing.assert_close(found, values, rtol=0, atol=0)
    assert compiled == 0
    assert frames_seen == frames - own


@pytest.mark.parametrize("kind", MODELS, ids=lambda kind: kind.__name__)
def test_what_runs_in_a_block_of_no_recompiles_is_what_runs_without_it(kind):
    model = made(kind)
    values, *frames = seen(model, model)

    with no_recompiles():
        found, *frames_seen = seen(model, model)

    torch.testing.assert_close(found, values, rtol=0, atol=0)
    assert frames_seen == frames


@pytest.mark.parametrize("kind", MODELS, ids=lambda kind: kind.__name__)
def test_a_region_under_watch_is_compiled_as_torch_compiles_it(kind):
    model = made(kind)
    values, *frames = seen(model, torch.compile(model, backend="eager"))

    session = CompileSession([("", model)], options={}, backends={})
    with session.guards_kept(), session.calling():
        found, *frames_seen = seen(model, model)
    with session.guards_dropped(), session.calling():
        counters.clear()
        dropped = model(X)

    torch.testing.assert_close(found, values, rtol=0, atol=0)
    assert frames_seen == frames
    torch.testing.assert_close(dropped.detach(), values[0], rtol=0, atol=0)
    assert session.failure is None
    session.close()


#: Models that compile something themselves, and by which names that is known.
OWN = {
    CompilesInside: ["CompilesInside.__init__.<lambda>"],
    CompiledBlock: ["inner.block", "inner.wrapped"],
    Flex: [],
}


@pytest.mark.parametrize("kind", OWN, ids=lambda kind: kind.__name__)
def test_what_compiles_itself_outside_of_the_regions_runs_as_its_author_wrote_it(kind):
    class Outer(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner, self.tail = made(kind), CompilesNothing()

        def forward(self, x):
            return self.tail(self.inner(x))

    model = made(Outer)
    expected = model(X)
    counter = getattr(model.inner, "counter", None)
    torch._dynamo.reset()
    session = CompileSession([("tail", model.tail)], options={}, backends={}, model=model)

    before = counter.frame_count if counter else 0
    with session.guards_kept(), session.calling():
        kept = model(X)
    with session.guards_dropped(), session.calling():
        dropped = model(X)

    torch.testing.assert_close(kept, expected, rtol=0, atol=0)
    torch.testing.assert_close(dropped, expected, rtol=0, atol=0)
    assert counter is None or counter.frame_count > before
    assert [one.region for one in session.observations] == [*OWN[kind], "tail"]
    session.close()


def test_a_stance_that_was_set_is_there_again_after_everything_ran_eagerly():
    model = made(CompilesInside)

    with torch_private.compiles_forced_eager():
        model(X)
    model(X)

    assert model.counter.frame_count == 1


def test_modules_choose_their_kernels_as_if_nobody_listened_and_hear_of_the_modes_of_others():
    with SyncWatch().watching():
        asked = torch.overrides.has_torch_function((X,))
        with Negative():
            other = torch.overrides.has_torch_function((X,))
        subclass = torch.overrides.has_torch_function((X.as_subclass(Doubling),))

    assert (asked, other, subclass) == (False, True, True)
