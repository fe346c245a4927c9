"""One case, from the model to the findings."""
