"""History…: the kept jobs in a window, to insert once more, to copy from, or to delete."""
