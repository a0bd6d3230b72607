"""The door to one host: what may be asked of it and changed, here or over its socket."""
