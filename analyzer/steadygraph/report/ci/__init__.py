"""Formats that other programs read: SARIF, JUnit, Markdown, annotations."""
