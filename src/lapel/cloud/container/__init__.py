"""What Lapel does inside a container of SageMaker: ``train`` and ``serve`` (``lapel-container``)."""
