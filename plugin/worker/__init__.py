"""Starts the worker process, sends it requests and receives its events."""
