"""What is remembered of the user: settings, custom providers, prompts, spending."""
