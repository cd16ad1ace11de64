"""What a run found, for people and for tools: terminal, Markdown, JUnit. A replay of the result stream.

Nothing here decides: `vecgate.gate` does. May import everything but the commands.
"""
