"""What was measured before: the record of each run, and the comparison of two."""
