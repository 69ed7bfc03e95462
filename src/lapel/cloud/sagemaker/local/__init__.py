"""A training job of SageMaker on this machine, without Docker: its very request is run."""
