"""What is planted to see whether a judge can be moved: one cue or edit each, by rule, the same for the same item."""
