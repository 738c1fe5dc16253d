"""The smallest thing that keeps a service's contract, for the tests of the runner."""
