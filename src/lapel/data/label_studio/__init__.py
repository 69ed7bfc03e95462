"""Label Studio's exports: tasks, and which points each category of garment has."""
