"""The configuration: options as a value, and the files that they are read from."""
