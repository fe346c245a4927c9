"""What was known before: baselines that accept it, and what changed from one report to another."""
