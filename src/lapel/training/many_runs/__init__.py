"""Many runs of one recipe: the processes that learn them, and the frame of the page about them."""
