"""Learning: recipes, runs and what they keep, comparisons, searches, other forms of a network."""
