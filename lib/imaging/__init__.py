"""From an answer's picture to the pixels of a layer: aligned, matched, masked."""
