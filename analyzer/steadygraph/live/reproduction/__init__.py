"""Case files that make the calls of a watched process again: written for a finding, run by ``steadygraph analyze``."""
