"""One public layout a file; readers only yield annotations."""
