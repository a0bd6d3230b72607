"""The pages, one over the other, and what their keys do."""
