"""The pytest plugin: case files as tests, the fixture ``steadygraph`` and the marker ``graph_stable``.

Every session of pytest imports this file, whether it has anything to do with graphs or not: all that is heavier than
the standard library is imported where it is needed.
"""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from steadygraph.testing.fixture import Steadygraph
    from steadygraph.testing.session import Session

_GROUP = "steadygraph", "stability of compiled graphs"
_SESSION: pytest.StashKey[Session] = pytest.StashKey()
_MARKER = (
    "graph_stable(case, policy=None, allow=(), fail_on=None): fail the test before it runs where a graph of the case "
    "does not fit its serving calls"
)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup(*_GROUP)
    option = group.addoption
    option("--steadygraph", action="store_true", help="collect case files: a test for each scenario and policy")
    option(
        "--steadygraph-policy",
        action="append",
        metavar="NAME",
        help="deployment to judge: recompile, drop, shapes-only or cuda-graph; repeatable",
    )
    option("--steadygraph-backend", action="append", metavar="NAME", help="what proves: eager, aot_eager or inductor")
    option("--steadygraph-report", metavar="DIR", help="write the report in all formats to this folder")
    option("--steadygraph-baseline", metavar="FILE", help="findings that this file accepts fail no test")
    option("--steadygraph-update-baseline", action="store_true", help="accept what is there now (never in CI)")
    option("--steadygraph-fail-on", metavar="SEVERITY", help="error, warning, note or never; default: warning")
    option("--steadygraph-timeout", metavar="SECONDS", help="time for each case, 0 for no limit; default: 600")
    option("--steadygraph-memory-limit", metavar="SIZE", help="memory for each case, as in 2GiB, 0 for no limit")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", _MARKER)
    if config.getoption("--steadygraph"):
        # A case file that cannot be read is an error of its own, and no reason not to look at the others.
        config.option.continue_on_collection_errors = True
    if _is_asked_for(config):
        own = _session(config)  # what is wrong with the options is told before anything runs
        if config.getoption("--steadygraph") and config.args_source is not pytest.Config.ArgsSource.ARGS:
            config.args += own.elsewhere(config.args)


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(
    file_path: Path, parent: pytest.Collector
) -> Generator[None, list[pytest.Collector], list[pytest.Collector]]:
    """A case file is collected as that and nothing else, also where it is named on the command line."""
    others = yield
    if not parent.config.getoption("--steadygraph"):
        return others
    from steadygraph.testing.collection import CaseFile

    session = _session(parent.config)
    return [CaseFile.from_parent(parent, path=file_path, session_of=session)] if session.takes(file_path) else others


def pytest_runtest_setup(item: pytest.Item) -> None:
    marks = list(item.iter_markers("graph_stable"))
    if marks:
        from steadygraph.testing import marker

        for mark in marks:
            marker.check(mark, item)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    marks = list(item.iter_markers("graph_stable"))
    if marks:
        from steadygraph.testing import marker

        for mark in marks:
            marker.hold(mark, item, _session_in_test(item.config))
    return (yield)


@pytest.fixture
def steadygraph(request: pytest.FixtureRequest) -> Steadygraph:
    """Analyse cases in a test: ``analyze`` gives a report, ``assert_stable`` fails where a graph does not fit."""
    from steadygraph.testing.fixture import Steadygraph

    return Steadygraph(request.node, _session_in_test(request.config))


def pytest_sessionfinish(session: pytest.Session, exitstatus: int | pytest.ExitCode) -> None:
    own = session.config.stash.get(_SESSION, None)
    if own is None or session.config.option.collectonly:
        return
    own.finish(interrupted=exitstatus == pytest.ExitCode.INTERRUPTED)
    if own.problems and exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        session.exitstatus = pytest.ExitCode.USAGE_ERROR


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """A worker of xdist has ended: what it found out belongs to the whole session."""
    found = getattr(node, "workeroutput", {}).get("steadygraph")
    if found:
        _session(node.config).take_in(found)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    own = terminalreporter.config.stash.get(_SESSION, None)
    if own is not None:
        from steadygraph.testing import summary

        summary.write(terminalreporter, own)


def _is_asked_for(config: pytest.Config) -> bool:
    names = ("policy", "backend", "report", "baseline", "update-baseline", "fail-on", "timeout", "memory-limit")
    return bool(config.getoption("--steadygraph")) or any(config.getoption(f"--steadygraph-{name}") for name in names)


def _session(config: pytest.Config) -> Session:
    """The plugin's part of the test session, made when it is first needed."""
    if _SESSION not in config.stash:
        from steadygraph.errors import SteadygraphError
        from steadygraph.testing.session import Session

        try:
            config.stash[_SESSION] = Session(config)
        except SteadygraphError as error:
            raise pytest.UsageError(str(error)) from None
    return config.stash[_SESSION]


def _session_in_test(config: pytest.Config) -> Session:
    """The same for a test, which fails where the configuration is wrong."""
    try:
        return _session(config)
    except pytest.UsageError as error:
        raise pytest.fail.Exception(str(error), pytrace=False) from None
