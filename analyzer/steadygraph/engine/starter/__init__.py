"""A first case of a class, written from its signature: arguments that it takes were found by trying."""
