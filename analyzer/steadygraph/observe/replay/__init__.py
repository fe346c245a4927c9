"""Calls that are recorded and replayed, or run without values."""
