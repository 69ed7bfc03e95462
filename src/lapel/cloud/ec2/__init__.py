"""EC2: a rented machine that is made whole or not at all, and ends itself."""
