"""The page about this package says what its code does."""

from __future__ import annotations

import re
from pathlib import Path


def test_the_code_on_the_page_runs_from_top_to_bottom(repository: Path) -> None:
    page = (repository / "docs" / "reference" / "evs.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)

    exec(compile("\n".join(blocks), "evs.md", "exec"), {})

    assert len(blocks) == 5
