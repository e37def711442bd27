"""One edit, from its arguments and options to its draft, task, run and record."""
