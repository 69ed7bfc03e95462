"""What is wrong with a dataset, found before it costs anybody a training run."""
