"""Captured graphs as values, and where they broke."""
