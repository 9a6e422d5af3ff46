"""Where rows come from: growing files, folders, standard input, and whatever has a `poll` and a position."""
