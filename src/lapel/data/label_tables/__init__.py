"""Tables of labels as people keep them: cells, encodings, and what each column is."""
