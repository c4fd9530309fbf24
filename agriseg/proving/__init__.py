"""Old and new model side by side: on labelled pictures, and on recorded runs."""
