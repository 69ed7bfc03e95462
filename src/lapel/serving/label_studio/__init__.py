"""Label Studio: its machine learning backend on our server, and calls to Label Studio."""
