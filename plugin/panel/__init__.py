"""The panel of Edit with Prompt…: a window beside the image that stays open from one edit to the next."""
