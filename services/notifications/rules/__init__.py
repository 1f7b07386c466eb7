"""What is sent, when, in which words, and what an answer means: values in, values out."""
