"""Kill -9 under load, at named points and at random; storms; a long book; a lock.

`python -m tests.crash --kills 200` is `make crash`; `make test` runs a short form.
"""
