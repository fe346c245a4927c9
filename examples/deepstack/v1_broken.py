"""Broken: the store returns None as long as no image has been seen.

The decoder is compiled in the profile run, without an image, so ``deepstack_input_embeds is not None`` is burned in as
False.  With guards dropped the features of every later image vanish without an error.  And the store compares the
valid tokens of a payload with a padded length: a padded image step raises.
"""

from __future__ import annotations

from deepstack_model import IntermediateTensors, Runner, Store
from deepstack_steps import INDEPENDENT, context, profile, regions, runner, serving

__all__ = ["INDEPENDENT", "build", "context", "profile", "regions", "serving"]


class NoneUntilSet(Store):
    """``get`` is None until ``set`` was called, and refuses more rows than were set."""

    def get(self, num_tokens: int) -> IntermediateTensors | None:
        if self.num_valid == 0:
            return None
        self.check(num_tokens)
        return self.rows(num_tokens)

    def clear(self, num_tokens: int) -> None:
        if self.num_valid > 0:
            self.check(num_tokens)
        super().clear(num_tokens)

    def check(self, num_tokens: int) -> None:
        if num_tokens > self.num_valid:
            raise ValueError(
                f"Requested more deepstack tokens than available: num_tokens={num_tokens}, num_valid={self.num_valid}"
            )


def build() -> Runner:
    return runner(NoneUntilSet())
