"""How Sphinx makes a site of these pages: make docs."""

from __future__ import annotations

from typing import Any

from steadygraph.model import environment

project = "steadygraph"
release = environment.version(project)
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
# The root of the checkout is the source: pages lead to the README, to the examples and to one another.
include_patterns = ["*.md", "docs/**", "examples/**"]
exclude_patterns = [".*", "build", "dist"]
root_doc = "docs/index"
source_suffix = {".md": "markdown"}

html_theme = "furo"
html_title = project
html_copy_source = False

# Headings are linked by their text, as on GitHub.
myst_heading_anchors = 3
autodoc_member_order = "bysource"

#: The groups of the side bar.
CONTENTS = {
    "Begin": ["/README"],
    "How to": ["how-to/*"],
    "Reference": ["reference/*"],
    "Rules": ["reference/rules/*"],
    "Explanation": ["explanation/*"],
    "Examples": ["/examples/README", "/examples/*/README"],
    "Project": ["/CONTRIBUTING", "/CHANGELOG"],
}


def with_contents(_app: object, page: str, source: list[str]) -> None:
    """The side bar follows from what is there: the index itself is to be read in the checkout as well."""
    if page == root_doc:
        for caption, pages in CONTENTS.items():
            source[0] += "\n```{toctree}\n:hidden:\n:glob:\n:caption: " + "\n".join([caption, "", *pages]) + "\n```\n"


def setup(app: Any) -> None:
    app.connect("source-read", with_contents)
