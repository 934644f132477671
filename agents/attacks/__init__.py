"""Texts that try to talk a judge round: each with a name, a kind, and where it is put."""
