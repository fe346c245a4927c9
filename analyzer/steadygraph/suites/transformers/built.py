"""A class of transformers with a small configuration that runs, and the calls that its forward takes."""

from __future__ import annotations

import copy
import importlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from steadygraph.suites.transformers.inputs import KNOWN, inputs, mask
from steadygraph.suites.transformers.small import small

if TYPE_CHECKING:
    from torch import Tensor, nn

#: Parameters of the largest model.
LARGEST = 12_000_000
#: What is tried, one after the other: rotary sections need wide heads, some models a second layer.
_OPTIONS: tuple[Mapping[str, int], ...] = ({}, {"layers": 2}, {"layers": 2, "heads": 128})
_LONGEST_REASON = 120

Arguments = dict[str, Any]


@dataclass(frozen=True)
class Built:
    """A class, and what was found out about it; nobody chose its configuration.

    Args:
        cls: Of transformers.

    Raises:
        ValueError: No configuration that was tried has a model that runs and is small; says why, one by one.
    """

    cls: Any

    @cached_property
    def config(self) -> Any:
        return self._found[0]

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters that its warm-up call passes."""
        return self._found[1]

    @cached_property
    def parameters(self) -> tuple[str, ...]:
        """Those of its forward."""
        return tuple(inspect.signature(self.cls.forward).parameters)

    @property
    def main_input(self) -> str:
        return str(getattr(self.cls, "main_input_name", "input_ids"))

    def build(self, config: Any = None) -> nn.Module:
        """A new model, in evaluation mode; the same weights each time."""
        import torch

        torch.manual_seed(0)
        model: nn.Module = self.cls(copy.deepcopy(self.config if config is None else config)).eval()
        return model

    def profile(self) -> Arguments:
        return dict(self.passed())

    def passed(self, **sizes: int) -> dict[str, Tensor]:
        return inputs(self.config, self.names, **sizes)

    def calls(self) -> dict[str, Callable[[], Arguments]]:
        """What people change: sizes first, then what they pass, then what they ask for."""
        found: dict[str, Callable[[], Arguments]] = {"same": lambda: self.passed(seed=1)}
        if "input_ids" in self.names:
            found |= self._of_text()
        found["single"] = lambda: self.passed(batch=1)
        if "output_hidden_states" in self.parameters or "kwargs" in self.parameters:
            found["states"] = lambda: self.passed() | {"output_hidden_states": True}
        found["tuple"] = lambda: self.passed() | {"return_dict": False}
        if "use_cache" in self.parameters:
            found["uncached"] = lambda: self.passed() | {"use_cache": False}
        if self.hands_on_a_cache:
            found["past"] = lambda: self.passed(length=1) | {"past_key_values": copy.deepcopy(self._past)}
        return found

    def _of_text(self) -> dict[str, Callable[[], Arguments]]:
        found: dict[str, Callable[[], Arguments]] = {
            "longer": lambda: self.passed(length=18),
            "int32": lambda: {n: one.int() if n.endswith("_ids") else one for n, one in self.passed().items()},
        }
        if "attention_mask" in self.parameters:
            found["ones"] = lambda: self.passed() | {"attention_mask": mask(padding=0)}
            found["padded"] = lambda: self.passed() | {"attention_mask": mask(padding=3)}
        if "inputs_embeds" in self.parameters and self.names == ("input_ids",):
            found["embeds"] = self._embeds
        return found

    @property
    def hands_on_a_cache(self) -> bool:
        """Is there something that a decoder hands on to its next call?"""
        takes = "past_key_values" in self.parameters and self.names == ("input_ids",)
        return takes and self._past is not None

    def _embeds(self) -> Arguments:
        import torch

        tokens = self.passed()["input_ids"]
        width = self.build().get_input_embeddings().weight.shape[1]  # type: ignore[operator]
        random = torch.Generator().manual_seed(1)
        return {"inputs_embeds": torch.randn(*tokens.shape, width, generator=random)}

    @cached_property
    def _past(self) -> Any:
        import torch

        with torch.no_grad():
            return getattr(self.build()(**self.passed(), use_cache=True), "past_key_values", None)

    @cached_property
    def _found(self) -> tuple[Any, tuple[str, ...]]:
        """The configuration, and the names of what its warm-up call passes."""
        if self.main_input not in KNOWN:
            raise ValueError(f"its main input is {self.main_input}, and no arguments can be made for that")
        reasons = []
        for options in _OPTIONS:
            for names in self._choices():
                try:
                    config = small(self.cls.config_class, **options)
                    self._try(config, names)
                    return config, names
                except Exception as error:  # whatever a model that was not made for such a configuration does
                    reasons.append(" ".join(f"{type(error).__name__}: {error}".split())[:_LONGEST_REASON])
        raise ValueError("no small configuration runs: " + "; ".join(dict.fromkeys(reasons)))

    def _choices(self) -> list[tuple[str, ...]]:
        """What may be passed: the main input, with the tokens of a decoder; then all that can be made."""
        decoder = ("decoder_input_ids",) if "decoder_input_ids" in self.parameters else ()
        known = tuple(name for name in (*KNOWN, "decoder_input_ids") if name in self.parameters)
        return list(dict.fromkeys([(self.main_input, *decoder), known]))

    def _try(self, config: Any, names: tuple[str, ...]) -> None:
        import torch

        with torch.device("meta"):
            size = sum(one.numel() for one in self.cls(copy.deepcopy(config)).parameters())
        if size > LARGEST:
            raise ValueError(f"{size:,} parameters")
        with torch.no_grad():
            self.build(config)(**inputs(config, names))


def built(name: str) -> Built:
    """The class of this name.

    Raises:
        AttributeError: transformers has none.
    """
    return Built(getattr(importlib.import_module("transformers"), name))
