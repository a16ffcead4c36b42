"""Other packages on the same physics, in an environment of their own."""
