"""A class for each pixel: files of maps, the classes in them, maps painted from garments."""
