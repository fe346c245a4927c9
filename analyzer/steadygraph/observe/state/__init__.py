"""What a call can change, kept before and put back after."""
