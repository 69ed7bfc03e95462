"""Amazon SageMaker: training and tuning jobs, endpoints and batches, by request bodies of our own."""
