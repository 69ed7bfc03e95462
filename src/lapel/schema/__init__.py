"""Pure values that everything else speaks in: label spaces, annotations, predictions, errors."""
