"""The eight figures, and the table made of them."""
