"""History…: a window with earlier edits, to insert again, to copy from or to delete."""
