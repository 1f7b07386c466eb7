"""The vocabulary of the house and its only coupling: one module per speaker, one class per fact."""
