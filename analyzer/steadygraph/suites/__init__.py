"""Suites of targets that people sweep by name; each imports the library that it is for when it is used."""
