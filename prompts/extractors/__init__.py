"""Prompts of those who read something off a text: facts, what holds of them, and grades."""
