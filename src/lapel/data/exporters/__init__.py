"""One file a public layout, the way out of :mod:`lapel.data.readers`."""
