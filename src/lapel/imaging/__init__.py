"""Bytes to pixels: decoding with limits, deterministic preprocessing, the way back."""
