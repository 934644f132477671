"""Judges that are ready to use: one YAML file each, with a card of what is known of it."""
