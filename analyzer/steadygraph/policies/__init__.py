"""What each deployment would do with the guards of the profile call, proved by running it."""
