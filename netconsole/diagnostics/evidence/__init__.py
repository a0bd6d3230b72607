"""The collectors: they look at the host, and change and send nothing."""
