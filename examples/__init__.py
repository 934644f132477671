"""Items for evaluation people to try a judge on, each with a gold label and a note why."""
