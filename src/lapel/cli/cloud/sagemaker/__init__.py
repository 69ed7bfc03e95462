"""The commands of ``lapel cloud sagemaker``."""
