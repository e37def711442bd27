"""A folder run apart from GIMP: which pictures, what each is asked, how far it is, what is reported."""
