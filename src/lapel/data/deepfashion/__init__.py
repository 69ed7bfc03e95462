"""DeepFashion's files: lists, names of attributes, where things are, and how they are written."""
