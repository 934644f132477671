"""What the records say: one file per question."""
