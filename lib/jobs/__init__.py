"""The job folder that the plug-in and its worker share, and what stays of finished jobs."""
