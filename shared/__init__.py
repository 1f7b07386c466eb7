"""What every service needs, and where a difference would be a bug."""
