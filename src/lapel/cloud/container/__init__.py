"""What Lapel does inside a container of SageMaker: `lapel-container train|serve`."""
