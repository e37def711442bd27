"""What GIMP registers: the plug-in, its procedures, and their menu entries."""
