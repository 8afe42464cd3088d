"""Kite Connect over the simulated exchange: `python -m simulator.kite --port 5010`.

A client that has its addresses changed finds orders, GTTs, books, portfolio, funds, quotes, instruments and
the login with Kite's shapes, error bodies, status codes and rate limits; a WebSocket with ticks and order
updates; signed postbacks. Below /sim is what a test needs and no broker has: prices, other terminals, dead
tokens, faults. See docs/kite-simulator.md, which also says what is not here.
"""
