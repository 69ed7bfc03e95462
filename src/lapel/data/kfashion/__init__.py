"""K-Fashion's records and its words."""
