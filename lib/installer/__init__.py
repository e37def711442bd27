"""What install.py does: finds GIMP, installs the plug-in and its packages, checks them, runs the demo.

Only the standard library; nothing here is needed once the plug-in is installed.
"""
