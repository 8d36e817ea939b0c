"""Ten thousand open orders over three brokers: what it takes to track them."""
