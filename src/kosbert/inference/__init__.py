"""Any saved model behind one interface: with PyTorch or OpenVINO, in one process or several, from a folder or a hub."""
