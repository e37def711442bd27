"""Image processing: aligns results with the original, matches their colours, makes layer masks, checks files."""
