"""What ``steadygraph doctor`` analyses: eight layers that are alike, and a defect of each kind that guards tell of."""

import contextlib
from typing import Any

import torch
from torch import nn


class Layer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 4)

    def forward(self, x: torch.Tensor) -> Any:
        return x + self.linear(x)


class Settings:
    step = 1


class Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Layer() for _ in range(8))
        self.settings = Settings()
        self.residual = True

    def forward(self, x: Any, key: Any, value: Any, mask: Any = None, scale: float = 1.5) -> Any:
        for layer in self.layers:
            x = layer(x)
        if mask is not None:
            x = x * mask
        if x.shape[0] > 4:
            x = x + 1
        if self.residual:
            x = x * self.settings.step
        return x * scale + key * value


def build() -> nn.Module:
    torch.manual_seed(0)
    return Model().eval()


def call(x: Any = None, **more: Any) -> tuple[tuple[()], dict[str, Any]]:
    shared = torch.ones(4)
    arguments = {"x": torch.ones(2, 4) if x is None else x, "key": shared, "value": shared, **more}
    return (), arguments


def profile() -> tuple[tuple[()], dict[str, Any]]:
    return call()


def serving() -> dict[str, Any]:
    wide = torch.ones(4, dtype=torch.float64)
    return {
        "as at warm-up": call(),
        "input-structure": call(mask=torch.zeros(4)),
        "specialization-int": call(),
        "specialization-float": call(scale=2.5),
        "specialization-shape": call(torch.ones(5, 4)),
        "dtype": call(key=wide, value=wide),
        "requires-grad": call(torch.ones(2, 4, requires_grad=True)),
        "stride": call(torch.ones(4, 2).t()),
        "object-identity": call(key=torch.zeros(4)),
        "module-attribute": call(),
        "global-state": call(),
    }


def before(model: Any, name: str) -> None:
    model.settings.step = 2 if name == "specialization-int" else 1
    model.residual = name != "module-attribute"


def context(name: str) -> contextlib.AbstractContextManager[Any]:
    return contextlib.nullcontext() if name == "global-state" else torch.no_grad()


COMPILE = {"recompile_limit": 32}
INDEPENDENT = True
