"""The long-running process of a host: it converges, watches, and answers at its socket."""
