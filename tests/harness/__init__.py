"""What the tests share: flavours, CPythons, headers, builds, and commands."""
