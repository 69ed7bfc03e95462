"""Answers in COCO's form: files, one result, and results that are judged."""
