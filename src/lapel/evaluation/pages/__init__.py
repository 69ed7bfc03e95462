"""What a report shows: pages of tasks, figures, mosaics, numbers in words."""
