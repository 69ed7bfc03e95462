"""Engines of one network beside each other: rates, scores, and how near to torch they answer."""
