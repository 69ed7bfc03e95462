"""How each kind of task is judged, and the answer that never looks, beside which it is."""
