"""Rules about tensors and devices that do not belong together."""
