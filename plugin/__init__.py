"""The part of Generative Edit that runs inside GIMP."""
