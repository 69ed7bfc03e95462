"""From bytes to predictions, with a bundle and nothing else."""
