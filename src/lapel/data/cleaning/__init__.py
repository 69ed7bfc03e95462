"""Labels that are changed by rules: what may be done, proposed, read and applied."""
