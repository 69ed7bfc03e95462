"""DeepFashion2's records, its categories and their landmarks."""
