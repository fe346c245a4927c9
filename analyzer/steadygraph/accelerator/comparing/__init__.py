"""Comparisons of devices in the user's code, found in its syntax tree and watched while it runs."""
