"""The user's data between sessions: settings, custom providers, prompts, spending."""
