"""The walls of the house: what may import what, what things are called, what the repository may hold."""
