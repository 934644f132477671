"""Prompts that ask for a verdict."""
