"""The commands of ``lapel cloud ec2``."""
