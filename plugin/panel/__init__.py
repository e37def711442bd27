"""The window of Edit with Prompt…, which stays open beside the image from one edit to the next."""
