"""``lapel predict``: one photo, a folder, a great many; answers printed, drawn and written."""
