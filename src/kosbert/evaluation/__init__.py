"""One model's predictions for sentence pairs, and their eight metrics."""
