"""The same defect, known for long: the baseline accepts it, and all tests pass."""

from case_image_is_lost import build, profile, serving

__all__ = ["build", "profile", "serving"]
