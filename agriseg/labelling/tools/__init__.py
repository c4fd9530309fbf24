"""What a labeller's hand does: pure functions from a document and arguments to an `Edit`."""
