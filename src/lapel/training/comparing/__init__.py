"""Many runs side by side: the grid, the processes that learn it, what came out, how it looks."""
