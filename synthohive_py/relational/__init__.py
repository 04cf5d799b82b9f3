"""Relations: tables generated parents first, each child given its parent, keys right by construction."""
