"""Rules about what a call does not get as an argument: modules, objects, global state."""
