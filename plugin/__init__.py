"""Generative Edit inside GIMP: procedures, pixels out, layers in, the worker's reader, dialogs."""
