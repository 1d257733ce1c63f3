"""What the method is worth: oracles, scores, pictures."""
