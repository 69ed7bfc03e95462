"""Amazon SageMaker: jobs, endpoints and batches, by request bodies of our own."""
