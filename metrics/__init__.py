"""Numbers in, numbers out: pure statistics."""
