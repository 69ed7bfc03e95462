"""One page that shows a dataset."""
