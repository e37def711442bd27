"""The plug-in, its procedures and their menu entries, as GIMP registers them."""
