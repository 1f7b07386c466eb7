"""For partners: what would happen to their messages, and a folder of them posted."""
