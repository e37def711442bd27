"""Extend Canvas…: the larger canvas, its window, and the edit that fills what is new."""
