"""Prompts of those who write: candidates that answer, and whoever rewrites what they wrote."""
