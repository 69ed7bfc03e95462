"""Answers over HTTP: the server, its pages, and what labelling tools ask of it."""
