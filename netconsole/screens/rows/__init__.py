"""What is shown, as rows and entries with their marks. Pure."""
