"""One function for each thing that can happen: load, decide, save, return what is said."""
