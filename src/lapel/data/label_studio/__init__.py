"""Label Studio's tasks, and places in them."""
