"""A stand-in for SGLang, in a process of its own: it loads its plugins, and compiles a model with guards kept."""

import importlib
import tomllib
from pathlib import Path

import torch
from torch import nn

GROUP = "sglang.srt.plugins"
PROJECT = Path(__file__).resolve().parents[3] / "pyproject.toml"


def load_plugins() -> None:
    for place in tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]["entry-points"][GROUP].values():
        module, _, name = place.partition(":")
        getattr(importlib.import_module(module), name)()


class Text(nn.Module):
    def forward(self, x: torch.Tensor, deepstack: torch.Tensor | None = None) -> torch.Tensor:
        return x * 2 if deepstack is None else x * 2 + deepstack


def install_torch_compiled(module: nn.Module) -> None:
    """As SGLang does: the forward of a module is replaced by what is compiled of it."""
    module.forward = torch.compile(module.forward, backend="eager", dynamic=False)


def main() -> None:
    load_plugins()
    load_plugins()
    model = Text()
    install_torch_compiled(model)
    with torch.no_grad():
        model(torch.ones(3))
        model(torch.ones(3), torch.ones(3))


if __name__ == "__main__":
    main()
