from gi.repository._Gdk3 import *
