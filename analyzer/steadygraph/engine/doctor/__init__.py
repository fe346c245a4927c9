"""Does it work here?  What is installed, what of torch is there, and an analysis whose findings are known."""
