"""Pure functions and counts that add up, one file a family."""
