"""Angel One's SmartAPI, simulated: words for what simulator/exchange.py does. See docs/brokers/angel.md."""
