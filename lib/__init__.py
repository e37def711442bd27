"""Generative Edit without GIMP: frames, jobs, the wire, the embedded endpoint, the worker."""
