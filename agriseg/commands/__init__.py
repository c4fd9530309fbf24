"""The subcommands of `agriseg`, one module each."""
