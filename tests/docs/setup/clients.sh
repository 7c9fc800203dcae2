tunnel-hub --listen 0.0.0.0:443 --cert hub.pem --key hub.key --keys keys.ini --state state
tunnelctl open --endpoint hub.example:443 --services SSH1,HTTP1 --thing plant7 --source-token-file source.token --destination-token-file destination.token
tunnel-agent -e hub.example:443 --token-file destination.token -d SSH1=22,HTTP1=80
tunnel-gateway -e hub.example:443 --token-file source.token
# Who connects to sshd by hand types something, or Ctrl-C.
as_here() {
    sed -E 's/^((nc|ncat|socat|tunnel-gateway connect) [^#]*)/\1 <<<hello /'
}
