"""The panels that come with plurijudge, one file each."""
