"""A case: a model and the calls to compare, loaded from what the user names and checked before anything runs."""
