"""The values that everything is made of, and the words for them. Pure."""
