"""The emulated AWS account: moto as a server on loopback, with an extension for what it lacks.

The account lives in the server's memory. A restart of the server is a new, empty account, as if everything had been
deleted out of band: a refresh sees it, and the next `up` makes it again.
"""
