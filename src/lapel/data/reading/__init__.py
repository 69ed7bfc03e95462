"""What readers are made of: the value that they yield, and careful looks at files of each form."""
