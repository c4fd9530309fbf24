"""The frame around the pages: rail, top bar, banner, action bar, panels."""
