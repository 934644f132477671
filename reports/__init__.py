"""What people look at: terminal tables."""
