"""The job folder that the plug-in and its worker share, and the history of finished jobs."""
