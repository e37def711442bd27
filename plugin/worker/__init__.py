"""The worker process as GIMP's plug-in sees it."""
