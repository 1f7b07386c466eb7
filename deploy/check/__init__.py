"""Reads stores and streams from outside, and says which promise is broken for whom."""
