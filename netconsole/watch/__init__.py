"""The one loop that looks at a host: by events, into one Picture that all its readers share."""
