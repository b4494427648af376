"""Where everything is put together: the server, the command line, the demo practice. The only room that knows all others."""
