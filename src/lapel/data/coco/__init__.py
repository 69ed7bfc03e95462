"""COCO's files and where they lie."""
