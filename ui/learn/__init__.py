"""Learn: from corrected pictures to a deployed model."""
