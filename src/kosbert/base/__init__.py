"""The encoders that training begins with: one module for each kind."""
