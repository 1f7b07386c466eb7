"""What makes a referral acceptable, how its timeline advances, and what a referrer may see of it."""
