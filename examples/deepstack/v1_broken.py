"""Broken: the store returns None as long as no image has been seen.  A first look; ``v1.py`` has all steps.

The decoder is compiled in the profile run, without an image, so ``deepstack_input_embeds is not None`` is burned in as
False.  With guards dropped the features of every later image vanish without an error.  And the store compares the
valid tokens of a payload with a padded length: a padded image step raises.
"""

from __future__ import annotations

from deepstack_runner import Runner
from deepstack_steps import INDEPENDENT, context, observe, profile, regions, runner
from deepstack_steps import first_look as serving
from deepstack_stores import V1

__all__ = ["INDEPENDENT", "build", "context", "observe", "profile", "regions", "serving"]


def build() -> Runner:
    return runner(V1)
