"""Strings in, findings out."""
