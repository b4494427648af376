"""Certificates for people and programs: the page that shows how to trust the server, the routes, the commands."""
