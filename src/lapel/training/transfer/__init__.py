"""Learning on from a backbone that has learned elsewhere, in the time that there is."""
