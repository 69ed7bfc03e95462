"""Networks, in torch: one backbone and a head a task."""
