"""The server's console: what administrators see and do. One module per screen; rules live in the rooms below."""
