"""What each kind of answer means, in numpy."""
