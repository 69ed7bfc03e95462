"""Models behind an endpoint of SageMaker, and batches: made, updated, asked and taken down."""
