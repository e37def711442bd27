"""The wire: a client for the image-edit API (`POST /v1/images/edits`) and its dialects, apart from GIMP."""
