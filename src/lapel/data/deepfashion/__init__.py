"""DeepFashion's files: lists, names, how clothes and landmarks are numbered, and writing them."""
