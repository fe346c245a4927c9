"""What must not leave the machine in a text: secrets, values of tensors, places of the disk, addresses of objects.

Texts are redacted where they come from, by the process that knows its environment, and cut to size only afterwards:
half a token, or half a tensor, is no longer known for what it is.
"""
