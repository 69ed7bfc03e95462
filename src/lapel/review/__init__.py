"""What people say about a machine's answers: which to ask about, and what they answered."""
