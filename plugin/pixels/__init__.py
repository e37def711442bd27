"""Export pixels from GIMP, and insert layers into it."""
