"""prismd for agents: read-only tools by the Model Context Protocol, over HTTP and stdio.

The tools call the API's own routes, whether those are served by this process, by the daemon at
the other end of a connection, or by the app that is called here: whatever holds for the routes
(checks, limits, errors in words) holds for the tools. The SDK is imported by ``server`` and
``sessions`` alone, and those only when an agent comes.
"""
