"""Model files: their layout, their writer and reader, and the integer network in numpy."""
