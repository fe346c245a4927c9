"""Plugins of other packages."""

import importlib
import tomllib
from pathlib import Path

DEFAULT_PLUGINS_GROUP = "vllm.general_plugins"
#: Which packages are installed depends on who runs the tests: what steadygraph says about itself does not.
PROJECT = Path(__file__).resolve().parents[5] / "pyproject.toml"

plugins_loaded = False


def load_general_plugins() -> None:
    global plugins_loaded
    if plugins_loaded:
        return
    plugins_loaded = True
    groups = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]["entry-points"]
    for place in groups[DEFAULT_PLUGINS_GROUP].values():
        module, _, name = place.partition(":")
        getattr(importlib.import_module(module), name)()
