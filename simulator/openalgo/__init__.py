"""An OpenAlgo server over the simulated exchange, with its faults. See docs/brokers/openalgo.md."""
