"""What goes into the network: pictures, drawn and changed, in batches, and their targets."""
