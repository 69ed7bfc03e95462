"""The commands of ``lapel cloud s3``."""
