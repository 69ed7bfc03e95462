"""What runs a network's graph: ONNX Runtime, OpenVINO, and the table of engines."""
