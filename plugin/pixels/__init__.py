"""Pixels out of GIMP and layers into it."""
