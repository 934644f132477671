"""Every prompt as a file with front matter, and their loader."""
