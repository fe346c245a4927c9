"""What makes the host wait for a CUDA device, operation by operation, each beside a twin that does not.

The verdicts were written by hand, from the sources that are named: ``test_sync_warning`` of PyTorch's
``test/test_torch.py`` (``expect_sync`` and ``expect_no_sync``, run on a real device), ATen's CUDA implementations, and
the pages of torch.  "c10" stands for c10/cuda/CUDAFunctions.h, where ``memcpy_and_sync`` waits.
"""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from steadygraph.accelerator.limits import limit_of
from steadygraph.accelerator.simulation import simulated
from steadygraph.model import Sync
from steadygraph.observe.syncs.syncs import SyncWatch

Action = Callable[["Device"], object]


class Device:
    """Operands of the actions: those without a prefix are on the device."""

    def __init__(self) -> None:
        self.x = torch.ones(3, 4, device="cuda")
        self.y = torch.ones((), device="cuda")
        self.rows = torch.ones(2, 4, device="cuda")
        self.ind = torch.zeros(2, dtype=torch.long, device="cuda")
        self.repeats = torch.ones(3, dtype=torch.long, device="cuda")
        self.mask = torch.ones(3, dtype=torch.bool, device="cuda")
        self.cpu = torch.ones(3, 4)
        self.cpu_ind = torch.tensor([0, 1])
        self.cpu_mask = torch.tensor([True, False, True])
        self.pinned = torch.ones(3, 4).pin_memory()
        self.empty = torch.ones(0, 4, device="cuda")


def put(x: torch.Tensor, index: object, value: object) -> None:
    x[index] = value


BLOCKING: dict[str, tuple[str, Action]] = {
    # test_sync_warning, expect_sync
    "index by a mask": ("indexing with a bool mask", lambda d: d.x[d.mask]),
    "put through a mask": ("assignment through a bool mask", lambda d: put(d.x, d.mask, d.y)),
    "put through CPU indices": ("assignment through indices of the CPU", lambda d: put(d.x, d.cpu_ind, d.y)),
    "index by CPU indices": ("indexing with a tensor of the CPU", lambda d: d.x[d.cpu_ind]),
    "nonzero": ("nonzero", lambda d: d.x.nonzero()),
    "condition": ("reading a tensor as a Python value (.item(), bool(), int(), float())", lambda d: bool(d.y)),
    "one_hot": (
        "reading a tensor as a Python value (.item(), bool(), int(), float())",
        lambda d: torch.nn.functional.one_hot(d.ind),
    ),
    "repeat_interleave": (
        "repeat_interleave without output_size",
        lambda d: torch.repeat_interleave(d.x, d.repeats, 0),
    ),
    "repeat_interleave of repeats": (
        "repeat_interleave without output_size",
        lambda d: torch.repeat_interleave(d.repeats),
    ),
    # the same operators under other names
    "rows through a mask": ("assignment through a bool mask", lambda d: put(d.x, d.mask, d.rows)),
    "index by a list of bools": ("a copy to the device", lambda d: d.x[[True, False, True]]),
    "where": ("torch.where with a condition alone", lambda d: torch.where(d.mask)),
    "argwhere": ("argwhere", lambda d: torch.argwhere(d.mask)),
    # _local_scalar_dense_cuda copies by memcpy_and_sync
    "item": ("reading a tensor as a Python value (.item(), bool(), int(), float())", lambda d: d.y.item()),
    "int": ("reading a tensor as a Python value (.item(), bool(), int(), float())", lambda d: int(d.y)),
    "float": ("reading a tensor as a Python value (.item(), bool(), int(), float())", lambda d: float(d.y)),
    "range": ("reading a tensor as a Python value (.item(), bool(), int(), float())", lambda d: range(d.ind[0])),
    "slice": ("reading a tensor as a Python value (.item(), bool(), int(), float())", lambda d: d.x[: d.ind[0]]),
    # github.com/pytorch/pytorch/issues/105641
    "0-d index": ("reading a tensor as a Python value (.item(), bool(), int(), float())", lambda d: d.x[d.ind[0]]),
    "full of a tensor": (
        "reading a tensor as a Python value (.item(), bool(), int(), float())",
        lambda d: torch.full((3,), d.y, device="cuda"),
    ),
    "contains": ("reading a tensor as a Python value (.item(), bool(), int(), float())", lambda d: 2.0 in d.x),
    # Tensor.cpu, copy_kernel_cuda: c10, unless non_blocking
    "tolist": (".tolist()", lambda d: d.x.tolist()),
    "cpu": (".cpu()", lambda d: d.x.cpu()),
    "to cpu": ("a copy to the host", lambda d: d.x.to("cpu")),
    "copy_ to the host": ("a copy to the host", lambda d: d.cpu.copy_(d.x)),
    "numpy": (".numpy()", lambda d: d.x.numpy()),
    "asarray of numpy": ("conversion to numpy", lambda d: np.asarray(d.x)),
    "to": ("a copy to the device", lambda d: d.cpu.to("cuda")),
    "cuda": ("a copy to the device", lambda d: d.cpu.cuda()),
    "to the like of": ("a copy to the device", lambda d: d.cpu.to(d.x)),
    "copy_ to the device": ("a copy to the device", lambda d: d.x.copy_(d.cpu)),
    "rows of the CPU": ("a copy to the device", lambda d: put(d.x, slice(0, 2), d.cpu[:2])),
    "pinned, and blocking": ("a copy to the device", lambda d: d.pinned.to("cuda")),
    "a CPU scalar through indices": (
        "assignment of a number through indices",
        lambda d: put(d.x, d.ind, torch.tensor(5.0)),
    ),
    # internal_new_from_data in torch/csrc/utils/tensor_new.cpp: a tensor of the CPU, then .to(device)
    "tensor of a list": ("torch.tensor(..., device=)", lambda d: torch.tensor([1, 2], device="cuda")),
    "tensor of a number": ("torch.tensor(..., device=)", lambda d: torch.tensor(1.0, device="cuda")),
    "tensor of tensors": ("torch.tensor(..., device=)", lambda d: torch.tensor([d.y, d.y])),
    "as_tensor of a list": ("torch.as_tensor(..., device=)", lambda d: torch.as_tensor([1, 2], device="cuda")),
    "as_tensor of an array": ("torch.as_tensor(..., device=)", lambda d: torch.as_tensor(np.ones(2), device="cuda")),
    "asarray": ("torch.asarray(..., device=)", lambda d: torch.asarray([1.0], device="cuda")),
    "new_tensor": (".new_tensor()", lambda d: d.x.new_tensor([1.0])),
    "index by a list": ("a copy to the device", lambda d: d.x[[0, 1]]),
    # Nonzero.cu, Indexing.cu, UniqueCub.cu, SummaryOps.cu, Equal.cpp: the size, or the answer, is read on the host
    "masked_select": ("masked_select", lambda d: d.x.masked_select(d.mask[:, None])),
    "unique": ("unique", lambda d: d.x.unique()),
    "unique of rows": ("unique", lambda d: torch.unique(d.x, dim=0)),
    "unique_consecutive": ("unique_consecutive", lambda d: torch.unique_consecutive(d.x)),
    "bincount": ("bincount", lambda d: torch.bincount(d.ind)),
    "equal": ("torch.equal", lambda d: torch.equal(d.x, d.x + 1)),
    "allclose": ("torch.allclose", lambda d: torch.allclose(d.x, d.x + 1)),
    # _histc_cuda_template: "if (min == max && self.numel() > 0) { minvalue = *self.min().cpu()"
    "histc": ("torch.histc without a range", lambda d: torch.histc(d.x)),
    # CHECK_NORMAL_TENSOR_STD: "std.min().ge(0).item<bool>()"
    "normal": ("torch.normal with a tensor of deviations", lambda d: torch.normal(d.x, d.x)),
    # masked_fill__cuda and index_fill_: "value.item()"
    "masked_fill": ("masked_fill with a value on the device", lambda d: d.x.masked_fill(d.mask[:, None], d.y)),
    "masked_fill_": ("masked_fill with a value on the device", lambda d: d.x.masked_fill_(d.mask[:, None], d.y)),
    "index_fill": ("index_fill with a value on the device", lambda d: d.x.index_fill(0, d.ind, d.y)),
    # where_self_out: "other_ = other_.to(device)"
    "where with a CPU scalar": (
        "torch.where with a 0-d tensor of the CPU",
        lambda d: torch.where(d.mask[:, None], d.x, torch.tensor(1.0)),
    ),
    # torch/linalg/__init__.py: "this function synchronizes that device with the CPU"
    "inv": ("the error check of torch.linalg", lambda d: torch.linalg.inv(d.x[:, :3])),
    "eigh": ("the error check of torch.linalg", lambda d: torch.linalg.eigh(d.x[:, :3])),
    # torch/_tensor_str.py reads the values
    "print": ("printing a tensor", lambda d: print(d.x)),
    "format": ("printing a tensor", lambda d: f"{d.x}"),
    "format of a number": ("printing a tensor", lambda d: f"{d.y:.2f}"),
    # cudaDeviceSynchronize, cudaStreamSynchronize, cudaEventSynchronize
    "synchronize": ("torch.cuda.synchronize()", lambda d: torch.cuda.synchronize()),
    "stream": ("Stream.synchronize()", lambda d: torch.cuda.current_stream().synchronize()),
    "event": ("Event.synchronize()", lambda d: torch.cuda.Event().synchronize()),
}
#: torch 2.15 hands the number to fill_ and index_fill_ (github.com/pytorch/pytorch/pull/186482 and /186486).
NUMBERS: dict[str, tuple[str, Action]] = {
    "a number into one element": ("a copy to the device", lambda d: put(d.x, (0, 0), 5.0)),
    "a number through indices": ("assignment of a number through indices", lambda d: put(d.x, d.ind, 5.0)),
}
FREE: dict[str, Action] = {
    # test_sync_warning, expect_no_sync
    "a number through a mask": lambda d: put(d.x, d.mask, 1.0),
    "put through a CPU mask": lambda d: put(d.x, d.cpu_mask, d.y),
    "put through indices": lambda d: put(d.x, d.ind, d.y),
    "index by a CPU mask": lambda d: d.x[d.cpu_mask],
    "index by indices": lambda d: d.x[d.ind],
    "one_hot with classes": lambda d: torch.nn.functional.one_hot(d.ind, num_classes=4),
    "randperm": lambda d: torch.randperm(20000, device="cuda"),
    "repeat_interleave by a number": lambda d: torch.repeat_interleave(d.x, 2, output_size=24),
    "repeat_interleave with output_size": lambda d: torch.repeat_interleave(d.x, d.repeats, 0, output_size=3),
    "any": lambda d: torch.any(d.y),
    # twins of the above
    "rows through indices": lambda d: put(d.x, d.ind, d.rows),
    "masked_fill with a number": lambda d: d.x.masked_fill(d.mask[:, None], 0.0),
    "masked_fill with a CPU scalar": lambda d: d.x.masked_fill(d.mask[:, None], torch.tensor(0.0)),
    "index_fill with a number": lambda d: d.x.index_fill(0, d.ind, 0.0),
    "masked_scatter": lambda d: d.x.masked_scatter(d.mask[:, None], d.x),
    "where with three": lambda d: torch.where(d.mask[:, None], d.x, d.y),
    "where with a number": lambda d: torch.where(d.mask[:, None], d.x, 0.0),
    "a number into rows": lambda d: put(d.x, slice(0, 1), 5.0),
    "full": lambda d: torch.full((3,), 1.0, device="cuda"),
    "zeros": lambda d: torch.zeros(3, device="cuda"),
    "arange": lambda d: torch.arange(3, device="cuda"),
    "new_zeros": lambda d: d.x.new_zeros(3),
    "tensor on the CPU": lambda d: torch.tensor([1.0, 2.0]),
    "as_tensor of what is there": lambda d: torch.as_tensor(d.x, device="cuda"),
    "another dtype": lambda d: d.x.to(torch.float16),
    "the same device": lambda d: d.x.to("cuda"),
    "the other device": lambda d: d.x.to("cuda:1"),
    "clone": lambda d: d.x.clone(),
    "copy_ on the device": lambda d: d.x.copy_(d.x + 1),
    "nothing to copy": lambda d: d.empty.cpu(),
    "times a CPU scalar": lambda d: d.x * torch.tensor(2.0),
    "pinned copy": lambda d: d.pinned.to("cuda", non_blocking=True),
    "pinned copy_": lambda d: d.x.copy_(d.pinned, non_blocking=True),
    "pinned view": lambda d: d.pinned[1:].cuda(non_blocking=True),
    "made in pinned memory": lambda d: torch.empty(3, pin_memory=True).to("cuda", non_blocking=True),
    "a list in pinned memory": lambda d: torch.tensor([1, 2], pin_memory=True).to("cuda", non_blocking=True),
    "to the host without waiting": lambda d: d.x.to("cpu", non_blocking=True),
    "to pinned memory of the host": lambda d: d.pinned.copy_(d.x, non_blocking=True),
    # UniqueCub.cu has no part in these: TensorCompare.cu, _assert_async
    "multinomial": lambda d: torch.multinomial(d.x, 1),
    "assert_async": lambda d: torch._assert_async(d.mask.all()),
    # "When the inputs are on a CUDA device, this function synchronizes only when check_errors = True"
    "inv_ex": lambda d: torch.linalg.inv_ex(d.x[:, :3]),
    "histc with a range": lambda d: torch.histc(d.x, 10, 0, 1),
    "normal with a number": lambda d: torch.normal(d.x, 1.0),
    "topk": lambda d: torch.topk(d.x, 2),
    "sort": lambda d: torch.sort(d.x),
    "shapes": lambda d: [d.x.shape[0], d.x.numel(), len(d.x), d.x.device],
    "repr of the CPU": lambda d: repr(d.cpu),
    "item of the CPU": lambda d: d.cpu.sum().item(),
    "list of the CPU": lambda d: d.cpu_ind.tolist(),
    "nonzero of the CPU": lambda d: d.cpu_mask.nonzero(),
    # nonzero_static_cuda_out_impl counts on the device
    "nonzero_static": lambda d: torch.nonzero_static(d.mask, size=3),
    # the host asks, and does not wait
    "event query": lambda d: torch.cuda.Event().query(),
    "wait_stream": lambda d: torch.cuda.current_stream().wait_stream(torch.cuda.Stream()),
}
if torch.__version__ < (2, 15):
    BLOCKING |= NUMBERS
else:
    FREE |= {name: action for name, (_, action) in NUMBERS.items()}


def watched(action: Action) -> tuple[Sync, ...]:
    """What is told of an action, whether or not the simulated device can finish it."""
    with simulated("cuda:1"):
        device, watch = Device(), SyncWatch(device="cuda")
        with watch.watching():
            try:
                action(device)
            except Exception as error:
                if not (limit_of(error) is not None or watch.syncs()):
                    raise
        return watch.syncs()


@pytest.mark.parametrize("name", BLOCKING)
def test_what_blocks_the_host_is_told_once(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    words, action = BLOCKING[name]

    first, *others = watched(action)

    assert (first.operation, first.certain, first.count) == (words, True, 1)
    assert [sync.operation for sync in others] == (["indexing with a bool mask"] if "list of bools" in name else [])
    assert first.location is not None
    assert first.location.path == __file__


@pytest.mark.parametrize("name", FREE)
def test_what_does_not_block_is_left_alone(name: str) -> None:
    assert watched(FREE[name]) == ()


@pytest.mark.parametrize(
    ("words", "action"),
    [
        (
            "a copy to the device with non_blocking from memory that is not pinned",
            lambda d: d.cpu.to("cuda", non_blocking=True),
        ),
        (
            "a copy to the host with non_blocking into memory that is not pinned",
            lambda d: d.cpu.copy_(d.x, non_blocking=True),
        ),
    ],
)
def test_whether_the_host_waits_for_memory_that_is_not_pinned_is_up_to_the_driver(words: str, action: Action) -> None:
    """CUDA Runtime API, synchronization behavior: the call "might be synchronous with respect to host"."""
    (sync,) = watched(action)

    assert (sync.operation, sync.certain) == (words, False)


def test_pinned_memory_is_remembered_by_its_storage_alone() -> None:
    with simulated():
        tensor = torch.ones(4, 2)

        pinned = tensor.pin_memory()

        assert [t.is_pinned() for t in (tensor, pinned, pinned[1:].t(), pinned.clone())] == [False, True, True, False]
        assert pinned.pin_memory() is pinned
        assert torch.equal(pinned, tensor)
        assert torch.empty(2, pin_memory=True).is_pinned()
        assert torch.tensor([1.0, 2.0], pin_memory=True).is_pinned()
        assert not torch.tensor([1.0, 2.0]).is_pinned()
        del pinned
        assert not any(torch.ones(4, 2).is_pinned() for _ in range(100))


def test_a_list_becomes_a_tensor_in_pinned_memory_inside_of_a_region_too() -> None:
    @torch.compile(backend="eager", fullgraph=True)
    def copy(x: torch.Tensor) -> torch.Tensor:
        return x + torch.tensor([1.0, 2.0], pin_memory=True).to(x.device, non_blocking=True)

    with simulated():
        assert copy(torch.ones(2, device="cuda")).device.type == "cuda"
    torch.compiler.reset()


def test_dynamos_own_wait_for_the_device_runs_on_a_simulated_one() -> None:
    @torch.compile(backend="eager", fullgraph=True)
    def wait(x: torch.Tensor) -> torch.Tensor:
        torch.cuda.synchronize()
        return x + 1

    with simulated():
        assert wait(torch.ones(2, device="cuda")).device.type == "cuda"
    torch.compiler.reset()
