"""What a task is: its family, its needs, its success, and which tasks there are."""
