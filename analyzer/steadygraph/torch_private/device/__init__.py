"""A device that is not there: what torch asks its driver, what it makes of values that nobody has."""
