def trials(*a):
    yield from ()
