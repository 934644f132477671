"""What a model reads off a text, so that it can be a factor."""
