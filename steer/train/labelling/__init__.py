"""Labels for recorded episodes: outcomes, rewards, progress and preferences, one file a kind."""
