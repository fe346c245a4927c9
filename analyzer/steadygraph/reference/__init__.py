"""Fixed implementations of what the incidents got wrong, for use in a serving engine: torch alone."""
