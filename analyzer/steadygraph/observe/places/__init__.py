"""Places in source code, and the lines around them."""
