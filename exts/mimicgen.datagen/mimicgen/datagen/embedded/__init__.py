"""The runtime without Isaac Sim: its scenes, its engines and Newton's renderer."""
