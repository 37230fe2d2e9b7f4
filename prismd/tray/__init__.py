"""The tray icon: a process of its own that asks the daemon over HTTP, and nothing else.

``standing``, ``menu``, ``drawing`` and ``notices`` say what is to be seen and are pure; ``link``
follows the daemon, ``doing`` and ``power`` do what is chosen, ``backend`` finds out what the
desktop offers, and ``desktop`` puts it all on the screen.
"""
