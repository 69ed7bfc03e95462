"""What readers share: the value that they yield, and careful looks at files."""
