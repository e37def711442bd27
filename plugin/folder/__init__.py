"""Edit Folder…: edits all pictures of a folder, several at once, and resumes an interrupted run."""
