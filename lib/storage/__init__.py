"""Files that several processes may change at once: locks, and JSON written in one step."""
