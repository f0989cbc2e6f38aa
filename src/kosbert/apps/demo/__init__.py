"""The web demo: an engine over an embedder, its JSON interface, and the page that uses it."""
