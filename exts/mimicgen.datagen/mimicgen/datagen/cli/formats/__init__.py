"""The commands `datagen.sh export FORMAT` and `datagen.sh import FORMAT`."""
