"""The worker process, which runs jobs and answers other requests of the plug-in."""
