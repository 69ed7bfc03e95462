"""Several processes that learn one network together, on one machine or many."""
