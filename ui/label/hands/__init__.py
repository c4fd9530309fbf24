"""Tools as the pointer works them: each turns presses and drags into edits of the labels."""
