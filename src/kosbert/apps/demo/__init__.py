"""The web demo: an engine over an encoder, its JSON interface, and the page that uses it."""
