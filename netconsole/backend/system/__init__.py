"""Files, programs, processes and rights: what any program may ask of the system it runs on."""
