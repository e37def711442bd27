"""Edit Folder…: a window with the pictures of a folder, their options, and the progress of the run."""
