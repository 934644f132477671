"""Who takes part: the model client, judges, built-in models."""
