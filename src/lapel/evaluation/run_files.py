"""Files of a run that what judges it reads; the run's own names for them."""

from __future__ import annotations

#: A row an epoch: losses, scores, seconds.
LOG = "log.csv"
#: What was said of each training picture by networks that had not learned it.
OUT_OF_SAMPLE = "out_of_sample.csv"
