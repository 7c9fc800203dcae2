tunnel-hub --listen 0.0.0.0:443 --cert hub.pem --key hub.key --keys keys.ini --state state
echo '127.0.0.1 gw' >>/etc/hosts
tunnelctl open --endpoint hub.example:443 --thing pump-07 --services SSH1,HTTP1 --source-token-file source.token --destination-token-file destination.token
tunnel-agent -e hub.example:443 --token-file destination.token -d SSH1=22,HTTP1=80
tunnel-gateway -e hub.example:443 --token-file source.token
# Ctrl-C ends a recording.
as_here() { sed -E 's/^(tunnel-tui --json --interval 1) (> .*)/\1 --count 3 \2/'; }
