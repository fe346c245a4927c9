"""Layers that are repeated are traced once."""
