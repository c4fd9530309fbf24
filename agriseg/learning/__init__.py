"""Learning from corrected pictures: jobs on this computer or another, and their recipe."""
