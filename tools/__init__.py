"""Steps of the build and of the development tasks. Standard library only, but for `reference`, which reads the program."""
