"""Widgets and dialogs that several windows use."""
