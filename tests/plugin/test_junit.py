"""``--junitxml``: a test case for each item, with properties."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest
from tests.plugin.conftest import Run


def test_each_test_has_its_properties(cases: pytest.Pytester, run: Run) -> None:
    run("--steadygraph", "--junitxml=junit.xml", "cases/case_broken.py", "-k", "drop")

    found = {test.get("name"): test for test in ET.parse(cases.path / "junit.xml").iter("testcase")}

    assert {name: test.find("failure") is not None for name, test in found.items()} == {
        "profile[drop]": False,
        "text[drop]": False,
        "image[drop]": True,
    }
    assert {test.get("classname") for test in found.values()} == {"cases.case_broken"}
    properties = {each.get("name"): each.get("value") for each in found["image[drop]"].iter("property")}
    assert properties == {
        "steadygraph.case.target": "cases/case_broken.py",
        "steadygraph.scenario": "image",
        "steadygraph.policy": "drop",
        "steadygraph.backend": "eager",
        "steadygraph.result": "silent-wrong",
        "steadygraph.findings": "SG101",
    }
