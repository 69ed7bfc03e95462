"""Answers for a great many photos, in parts, on one machine or many."""
