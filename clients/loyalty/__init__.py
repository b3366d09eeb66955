"""The customer's account in the loyalty programme, and what a purchase would bring."""
