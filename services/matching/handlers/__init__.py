"""One function for each thing that can happen to a supporter, an offer, or somebody who waits."""
