"""The `flyball` command. Modules here import little; what is heavy is imported by the command that needs it."""
