"""The worker process: it runs jobs, and answers what else the plug-in asks it."""
