"""What a test session asks for: ``[tool.steadygraph]`` below the options of pytest."""

from __future__ import annotations

import dataclasses
import glob
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest

from steadygraph import config
from steadygraph.case.folders import PATTERN
from steadygraph.config import Settings
from steadygraph.errors import UsageError
from steadygraph.errors.files import require_writable
from steadygraph.history import baseline
from steadygraph.history.baseline import Baseline
from steadygraph.model.run import FailOn
from steadygraph.report import folder

#: Options of pytest that have the names and checks of the command line's.
_NAMES = ("policy", "backend", "fail-on", "baseline", "report", "memory-limit")


@dataclass(frozen=True, slots=True)
class Options:
    """All that a user can choose.

    Args:
        settings: What the engine needs to know.
        fail_on: From which severity on a finding fails its tests.
        timeout_s: Time for each case.
        memory_limit_bytes: Memory for each case; None: its share of what is available, 0: no limit.
        cases: Further files that are cases.
        root: The root directory of the session.
        report: Folder for reports.
        baseline: File of what is accepted.
        known: What it holds.
        update: Is it to be brought up to date?
    """

    settings: Settings
    fail_on: FailOn
    timeout_s: float | None
    memory_limit_bytes: int | None
    cases: frozenset[Path]
    root: Path
    report: Path | None
    baseline: Path | None
    known: Baseline
    update: bool

    def takes(self, file: Path) -> bool:
        """Is this a case file?"""
        return file.match(PATTERN) or file in self.cases

    @property
    def keywords(self) -> dict[str, Any]:
        """The settings as :func:`steadygraph.analyze` takes them."""
        settings = dataclasses.asdict(self.settings)
        for name in ("write_repro", "probing"):  # of the command line alone
            del settings[name]
        return settings

    @property
    def all_rules(self) -> bool:
        """Do all rules run?  Nothing is known of what others would find."""
        return not (self.settings.select or self.settings.ignore)


def chosen(pytest_config: pytest.Config, *, writes: bool, environment: Mapping[str, str] = os.environ) -> Options:
    """The options of a session, checked.

    Args:
        pytest_config: That of the session.
        writes: Does this process write reports and baselines?  A worker of xdist does not.
        environment: Tells by ``CI`` whether a person is there.

    Raises:
        UsageError: An option means nothing, or nothing can be written where it says.
    """
    root = pytest_config.rootpath
    table = {**config.from_file(root), **config.checked(_given(pytest_config))}
    options = config.options(table)
    update = bool(pytest_config.getoption("--steadygraph-update-baseline"))
    in_ci = environment.get("CI", "").lower() not in ("", "0", "false")
    file = None if options.baseline is None else root / options.baseline
    report = None if options.report is None else root / options.report
    if writes and report is not None:
        folder.require(report)
    return Options(
        settings=options.settings,
        fail_on=cast(FailOn, options.fail_on),
        timeout_s=options.timeout_s,
        memory_limit_bytes=options.memory_limit_bytes,
        cases=_named(root, table.get("cases", ())),
        root=root,
        report=report,
        baseline=file,
        known=_known(file, update=update, in_ci=in_ci, writes=writes),
        update=update,
    )


def _given(pytest_config: pytest.Config) -> dict[str, object]:
    found: dict[str, object] = {name: pytest_config.getoption(f"--steadygraph-{name}") for name in _NAMES}
    timeout = pytest_config.getoption("--steadygraph-timeout")
    if timeout is not None:
        found["timeout"] = _seconds(timeout)
    return {name: value for name, value in found.items() if value not in (None, [])}


def _seconds(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise UsageError(f"timeout is {text!r}, which is no number of seconds", hint="write a number") from None


def _known(file: Path | None, *, update: bool, in_ci: bool, writes: bool) -> Baseline:
    """What is accepted.  A baseline that is not there accepts nothing; in CI somebody forgot to commit it."""
    if file is None:
        if update:
            hint = "name it: --steadygraph-baseline steadygraph-baseline.json"
            raise UsageError("--steadygraph-update-baseline needs a file", hint=hint)
        return Baseline()
    if update and in_ci:
        raise UsageError(
            f"the baseline {file.name} is not updated in CI (the environment sets CI)",
            hint="run with --steadygraph-update-baseline on your own machine, review the file and commit it",
        )
    if file.exists():
        known = baseline.read(file)
    elif in_ci:
        raise UsageError(
            f"there is no baseline {file.name}",
            hint="create it with --steadygraph-update-baseline on your own machine, and commit it",
        )
    else:
        known = Baseline()
    if update and writes:
        require_writable(file)
    return known


def _named(root: Path, globs: Collection[str]) -> frozenset[Path]:
    """The Python files that globs name, as pytest spells paths; a relative glob starts at the root."""
    found = (path for each in globs for path in glob.iglob(os.path.join(root, each), recursive=True))
    return frozenset(Path(os.path.normpath(path)) for path in found if path.endswith(".py"))
