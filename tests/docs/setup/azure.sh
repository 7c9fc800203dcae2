# The service program of the page is the tester's own login.
as_here() { sed 's/username@/me@/'; }
