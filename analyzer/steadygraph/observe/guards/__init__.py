"""Guards as values, and which of them a call violates."""
