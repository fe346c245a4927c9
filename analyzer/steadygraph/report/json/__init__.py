"""The JSON form of a report."""
