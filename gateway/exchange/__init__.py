"""What systems tell us by themselves: stock that is pushed, and exchanges in which we are the site."""
