"""Two graphs, matched, laid out and drawn."""
