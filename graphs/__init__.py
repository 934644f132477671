"""How the court works: graphs, the batch runner that drives them, and Study."""
