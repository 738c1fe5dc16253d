"""All services at once: agents ask for leave, people answer, somebody is paged, while everything dies."""
