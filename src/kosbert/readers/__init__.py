"""Readers of users' files: texts, and sentence pairs with scores, in every format they come in."""
