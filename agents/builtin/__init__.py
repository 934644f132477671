"""Models that need no network, registered as LiteLLM providers."""
