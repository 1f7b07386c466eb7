"""People, hospitals, supporters and insurers that act on the system through its public edges only."""
