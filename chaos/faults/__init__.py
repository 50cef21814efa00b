"""The faults, each row in a module; a strike carries one trial out."""
