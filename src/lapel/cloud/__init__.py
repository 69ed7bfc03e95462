"""AWS: rented machines, SageMaker's jobs and endpoints, and what they cost."""
