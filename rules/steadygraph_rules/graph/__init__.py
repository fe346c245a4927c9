"""Rules about how the region was captured."""
