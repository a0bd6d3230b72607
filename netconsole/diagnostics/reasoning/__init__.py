"""What several checks conclude from the evidence. Pure."""
