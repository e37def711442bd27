from gi.repository._Gtk3 import *
