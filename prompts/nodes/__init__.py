"""What is added to a judge to keep it from being moved: rules, cases, an order of thought, a second look."""
