"""The model that stages make and run: assembled, saved, and encoding fast."""
