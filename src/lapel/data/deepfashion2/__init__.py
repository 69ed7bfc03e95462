"""DeepFashion2's records and the words for its landmarks."""
