"""Find out what a recorder says of a recording: when and where it was made, and with which device."""
