"""``orders demo``: a hundred orders through the whole service, watched."""
