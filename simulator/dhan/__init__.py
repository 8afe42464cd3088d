"""DhanHQ v2 over the simulated exchange: `python -m simulator.dhan --port 5020`.

Orders, super orders, forever orders, books, portfolio, quotes, the file of instruments, the login by PIN, the
WebSocket of order updates and unsigned postbacks, with Dhan's shapes, error codes and rate limits. Super
orders and the tags of forever orders are in memory: a restart of the simulator forgets them.
"""
