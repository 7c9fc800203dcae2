mkdir /backup
# The page's folder and user are those of the reader's hub.
as_here() { sed -e 's|DIR/|/var/lib/tunnel-hub/|g' -e 's/HUBS_USER/root/'; }
