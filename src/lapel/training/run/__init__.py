"""The folder that a run keeps: its files, its checkpoints, its mirror at an address."""
