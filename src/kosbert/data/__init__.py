"""What KorNLU's files are, where they come from, and the tables made of them."""
