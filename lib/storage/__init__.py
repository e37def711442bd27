"""Files shared by several processes: locks, and JSON files that are written atomically."""
