"""The shipped Qwen3-VL text example with the 28 layers of the 2B model, still narrow."""

import importlib.util
from pathlib import Path

_PATH = Path(__file__).resolve().parents[2] / "examples" / "qwen3_vl_text.py"
_SPEC = importlib.util.spec_from_file_location("qwen3_vl_text_example", _PATH)
_EXAMPLE = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(_EXAMPLE)
_EXAMPLE.LAYERS = 28

build, profile, serving = _EXAMPLE.build, _EXAMPLE.profile, _EXAMPLE.serving
mark, context = _EXAMPLE.mark, _EXAMPLE.context
