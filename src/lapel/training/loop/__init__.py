"""What happens at each step and each epoch: steps, optimisers, judging, in that order."""
