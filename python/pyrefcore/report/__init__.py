"""What a check has found, as data, as text and as a page."""
