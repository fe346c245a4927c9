"""Rules about the structure of arguments: None, containers, Python values."""
