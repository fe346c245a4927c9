"""Rules about results: errors, and outcomes that nothing else explains."""
