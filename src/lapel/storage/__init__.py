"""Where bytes live, and writes that are whole or did not happen."""
