"""Learning: recipes, the loop, checkpoints."""
