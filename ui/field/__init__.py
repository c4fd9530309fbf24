"""The page Field: position, boundary and receiver, and a plan of the ground."""
