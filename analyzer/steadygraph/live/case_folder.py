"""A case file for each scenario in which something was found."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from steadygraph.errors import SteadygraphError, raised
from steadygraph.live.region import LiveRegion
from steadygraph.live.reproduction import case_file
from steadygraph.live.reproduction.case_file import Reproduced
from steadygraph.live.reproduction.objects import NotRebuiltError
from steadygraph.live.scenario import Scenario
from steadygraph.redaction.text import redacted


class CaseFolder:
    """Writes cases to a folder.

    Args:
        path: The folder.
        factory: ``package.module:function``, which makes the module; None: it is pickled.
        failed: Told in a line which case could not be written, and why.
    """

    def __init__(self, path: Path, factory: str | None, failed: Callable[[str], object]) -> None:
        self._path, self._factory, self._failed = path, factory, failed

    def write(self, region: LiveRegion, scenario: Scenario, told: Iterable[str]) -> Path | None:
        """The case file; None: it could not be written, and that was told."""
        point = region.point
        compile: dict[str, object] = {} if point.dynamic is None else {"dynamic": point.dynamic}
        if region.kept is None or scenario.kept is None:
            return None
        if point.fullgraph:
            compile["fullgraph"] = True
        one = Reproduced(region.watched, region.kept, scenario.name, scenario.kept, compile, tuple(told))
        try:
            return case_file.write(one, self._path, factory=self._factory)
        except NotRebuiltError as error:
            why = redacted(str(error))
        except SteadygraphError as error:
            why = error.problem
        except Exception as error:
            why = redacted(f"{raised.name(error)}: {raised.text(error)}")
        self._failed(f"no case was written for {scenario.name} of {region.shown}: {why}")
        return None
