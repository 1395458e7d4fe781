"""tradeflow watches licit trade in chemicals that can be diverted, and publishes ranked leads.

The way the data goes:

    pull -> validate -> conform -> reconcile -> model -> resolve -> signals -> publish -> serve

Stages do not import one another; they hand over tables. `tradeflow.pipeline` is the only place that knows the order.
"""
