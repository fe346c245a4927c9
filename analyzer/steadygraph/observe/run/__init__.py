"""Calls of compiled regions, watched while they run."""
