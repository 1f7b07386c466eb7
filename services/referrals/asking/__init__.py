"""The words of people who ask for themselves, into ours and back: a form, a page of their own, two languages."""
