"""One edit: its arguments and options, what would be sent and what it costs, its task, and its record."""
