"""Tools for whoever builds or services a sprayer controller: simulate, flash, watch, test."""
