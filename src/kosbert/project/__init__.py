"""Work with the repository: the whole benchmark, comparisons of branches, sweeps, and publication."""
