"""The broker's ground: which streams there are, who may touch them, and the server that keeps them."""
