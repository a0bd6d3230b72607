"""Pages of text: what there is to read, as lines. Pure."""
