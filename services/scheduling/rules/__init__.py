"""What a series is, what an outcome means, and what a payer covers of it."""
