"""How each kind of answer is learned, in torch."""
