# The hub of the page runs as root, and by itself.
as_here() {
    sed -e 's/-o tunnel-hub //' -e 's/^systemctl stop \(.*\)/pkill -x \1; while pgrep -x \1; do sleep 0.05; done/' \
        -e 's|^systemctl start tunnel-hub|tunnel-hub --cert /etc/tunnel-hub/hub.pem --key /etc/tunnel-hub/hub.key --keys /etc/tunnel-hub/keys.ini --state /var/lib/tunnel-hub --listen 0.0.0.0:443|'
}
