"""Which part of the canvas is sent, and at which size: arithmetic only."""
