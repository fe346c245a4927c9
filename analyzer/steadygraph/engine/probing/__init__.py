"""Calls derived from the profile call and its guards: what changes nothing, and what goes wrong without a word."""
