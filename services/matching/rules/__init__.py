"""Who may walk beside whom, and who is asked first: pure rules, from values to values."""
