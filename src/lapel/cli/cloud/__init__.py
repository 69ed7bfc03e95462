"""The commands of ``lapel cloud``."""
