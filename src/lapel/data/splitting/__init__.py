"""Drawing parts of a dataset that look like the whole."""
