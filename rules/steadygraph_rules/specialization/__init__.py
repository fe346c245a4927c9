"""Rules about what Dynamo specialises on: numbers, and the properties of tensors."""
