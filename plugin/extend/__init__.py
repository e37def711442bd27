"""Extend Canvas…: its window, the geometry of the new canvas, and the edit that fills the new area."""
