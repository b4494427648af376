"""What the documents claim is true."""
