"""Code of strangers: an interpreter without a system runs it, else a locked room, else nobody."""
