"""What every command shares: output, failures, names, groups that import late."""
