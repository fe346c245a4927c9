"""What a call is given: arguments, ambient state, storage."""
