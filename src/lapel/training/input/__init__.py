"""What goes into the network: pictures, how they are drawn, moved and mixed, and their targets."""
