"""What checks are made of: the snapshot they judge, the finding they return, their page."""
