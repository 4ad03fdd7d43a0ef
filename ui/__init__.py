"""The chat window. Knows nothing of how answers are found."""
