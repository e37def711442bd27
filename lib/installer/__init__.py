"""The commands of install.py: find GIMP, install the plug-in and its packages, check them, run the demo.

Standard library only; the installed plug-in does not need it.
"""
