"""What a judge has in its hands: one file per tool."""
