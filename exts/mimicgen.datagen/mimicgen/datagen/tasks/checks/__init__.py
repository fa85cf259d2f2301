"""What has to hold between the parts of a task file: each module yields what is wrong with one part of it."""
