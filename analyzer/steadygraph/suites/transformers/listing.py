"""Which classes the suite is about: what the automatic classes of transformers choose from, for the usual tasks."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path

#: Whatever a class is, its module imports these.
PRELOAD = (
    "transformers.modeling_utils",
    "transformers.masking_utils",
    "transformers.cache_utils",
    "transformers.generation.utils",
    "transformers.modeling_layers",
)
_LISTS = (
    "MODEL_MAPPING_NAMES",
    "MODEL_FOR_CAUSAL_LM_MAPPING_NAMES",
    "MODEL_FOR_MASKED_LM_MAPPING_NAMES",
    "MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES",
)


def targets() -> Iterator[tuple[str, str]]:
    """(target, case file) of each class."""
    case_file = str(Path(__file__).with_name("case.py"))
    for name in class_names():
        yield f"transformers:{name}", case_file


def class_names() -> list[str]:
    """In the order of transformers, each once."""
    auto = importlib.import_module("transformers.models.auto.modeling_auto")
    listed = (names for each in _LISTS for names in getattr(auto, each).values())
    return list(dict.fromkeys(name for names in listed for name in ([names] if isinstance(names, str) else names)))
