"""Rules about memory that captured graphs record by address."""
