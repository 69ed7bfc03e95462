"""Datasets on disk, and the layouts they are read from."""
