"""Judge the predictor that ships: numbers with intervals, and a report to look at."""
