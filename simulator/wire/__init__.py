"""What every simulated broker needs to speak over HTTP and WebSocket, whatever its language is.

A broker's package (simulator/kite, simulator/dhan) adds its dialect: paths, rows, envelope, error bodies,
words for a refusal, login. See docs/brokers/simulators.md.
"""
