"""The page on which people correct what the model saw: canvas, tools, projects."""
