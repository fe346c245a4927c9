"""All formats at once: what each of them must stand, the next one too."""

from __future__ import annotations

import gc
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steadygraph import config
from steadygraph.model import CaseReport, Graph, Location, LockChange, SourceExcerpt
from steadygraph.model.run import RunReport
from steadygraph.report import collector
from steadygraph.report import portable as portability
from steadygraph.report.formats import FORMATS, renderer
from steadygraph.report.json.codec import from_json, to_json
from steadygraph.report.portable import portable

from .hostile import ROOT, reports, thorough, with_text

DATA = Path(__file__).resolve().parent.parent / "data"

names = pytest.mark.parametrize("name", FORMATS)


@thorough
@given(reports, st.sampled_from(sorted(FORMATS)))
def test_every_format_renders_whatever_a_report_holds(report: RunReport, name: str) -> None:
    text = renderer(name)(report)

    assert text.endswith("\n")
    text.encode()  # no half of a character is left
    assert not set(text) & {"\x00", "\x1b", "\x07", "\x9b", "\u202e"}


@thorough
@given(reports, st.sampled_from(sorted(FORMATS)))
def test_a_report_that_was_read_is_rendered_as_it_was_before(report: RunReport, name: str) -> None:
    clean = portable(report, ROOT)

    again = from_json(to_json(clean, ROOT))

    assert renderer(name)(again) == renderer(name)(clean)


@names
def test_a_hundred_kilobytes_in_every_text_are_cut_to_a_page(broken: CaseReport, failed: CaseReport, name: str) -> None:
    """Only JSON cuts nothing: having it all is what it is for."""
    image = replace(broken.scenarios[2], violated_guards=broken.scenarios[2].violated_guards[:1])
    excerpt = SourceExcerpt("model.py", 41, ("if deepstack is not None:",))
    graph = Graph("0123456789abcdef", (("add", 1),), (), Location("model.py", 31, "forward"), code="return x")
    small = replace(
        broken,
        scenarios=(image,),
        findings=broken.findings[:1],
        notes=("a remark",),
        lock_changes=(LockChange("profile", "changed"),),
        sources=(excerpt,),
        graphs=(graph,),
    )
    text = "]]></script>\x1b[31m\u202e|`" * (100_000 // 20)
    report = RunReport(with_text((small, failed), text), {"python": text}, text)

    size = len(renderer(name)(report))

    assert size > 5_000_000 if name == "json" else size < 200_000


def test_no_format_imports_torch() -> None:
    code = (
        "import sys; from pathlib import Path; from steadygraph.report.json.codec import from_json;"
        "from steadygraph.report.formats import FORMATS, renderer;"
        f"report = from_json(Path({str(DATA / 'report-v1.json')!r}).read_text());"
        "print(*(name for name in FORMATS if renderer(name)(report) and 'torch' in sys.modules))"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (0, "\n", "")


def test_the_configuration_knows_every_format() -> None:
    assert tuple(FORMATS) == config.FORMATS


def test_a_report_is_made_portable_once(broken: CaseReport, monkeypatch: pytest.MonkeyPatch) -> None:
    clean = portable(RunReport((broken,)))

    monkeypatch.setattr(portability, "_Scrub", pytest.fail)

    assert portable(clean) is clean
    assert all(renderer(name)(clean) for name in FORMATS)


def test_a_changed_copy_of_a_portable_report_is_looked_at_again(broken: CaseReport) -> None:
    clean = portable(RunReport((broken,)), ROOT)

    changed = replace(clean.report, tool_version="/srv/project/1")

    assert portable(changed, ROOT).report.tool_version == "1"


def test_a_report_that_is_portable_below_another_root_is_looked_at_again(broken: CaseReport) -> None:
    report = RunReport((broken,), {"python": "/srv/project/bin/python"})

    within = portable(report, Path("/srv/project"))
    below = portable(within, Path("/opt"))

    assert (within.root, within.report.environment["python"]) == (Path("/srv/project"), "bin/python")
    assert below is not within
    assert below.root == Path("/opt")


def test_the_collector_of_cycles_runs_again_after_a_failure() -> None:
    @collector.paused()
    def fails() -> None:
        with collector.paused():
            assert not gc.isenabled()
        assert not gc.isenabled()
        raise KeyError

    with pytest.raises(KeyError):
        fails()

    assert gc.isenabled()
