"""Pictures found by pictures: indexes of vectors, and how well they are searched."""
