"""Any saved model, of a folder or a hub, behind one interface: PyTorch, OpenVINO, ONNX Runtime, several processes."""
