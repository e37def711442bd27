"""Find the subject of a picture: a network's answer at 320 pixels, refined at full size."""
