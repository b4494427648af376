"""Steps of the build and of the development tasks. Standard library only."""
