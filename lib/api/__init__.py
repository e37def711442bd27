"""A client for the image-edit API (`POST /v1/images/edits`) and its providers' dialects, independent of GIMP."""
