"""Edit Folder…: all pictures of a folder, several at once, continued where a run was stopped."""
