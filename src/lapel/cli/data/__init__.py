"""The commands of ``lapel data``."""
