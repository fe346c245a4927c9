"""What a report says about the machine that made it."""

from __future__ import annotations

import platform
import subprocess
import sys
from importlib.metadata import version

from steadygraph.model.environment import UNKNOWN, environment
from steadygraph.model.environment import version as version_of


def test_versions_platform_and_device_are_named() -> None:
    found = environment()

    assert list(found) == ["python", "torch", "platform", "device", "steadygraph"]
    assert found["torch"] == version("torch")
    assert found["python"] == platform.python_version()
    assert found["device"] == "cpu"


def test_another_device_can_be_named() -> None:
    assert environment("simulated cuda")["device"] == "simulated cuda"


def test_a_distribution_that_is_not_installed_has_an_unknown_version() -> None:
    assert version_of("no-such-distribution-here") == UNKNOWN == "unknown"


def test_nothing_of_the_host_or_the_user_is_named() -> None:
    assert platform.node() not in "".join(environment().values())


def test_versions_are_read_without_an_import_of_torch_rich_or_pydantic() -> None:
    code = (
        "import sys, steadygraph.model.run as d; d.environment();"
        "sys.exit(str({'torch', 'rich', 'pydantic'} & set(sys.modules)))"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.stderr == "set()\n"
