"""What happens at each step and at the end of each epoch: batches, steps, optimisers, judging."""
