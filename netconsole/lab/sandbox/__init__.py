"""The namespaces that close a lab in, and who is in them."""
