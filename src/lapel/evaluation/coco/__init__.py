"""Answers in COCO's form: files of ours, the two forms there are, and others' results, judged."""
