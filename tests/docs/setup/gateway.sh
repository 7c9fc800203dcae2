tunnel-hub --listen 0.0.0.0:443 --cert hub.pem --key hub.key --keys keys.ini --state state
export TUNNEL_ENDPOINT=hub.example:443
tunnelctl open --thing plant7 --services SSH1,HTTP1 --source-token-file source.token --destination-token-file destination.token
tunnelctl devices invite --names 'pump-*' --token-file join
tunnel-agent -e hub.example:443 --device pump-07 --join-token-file join -d SSH1=22,HTTP1=80
tunnel-gateway print ssh-config >>~/.ssh/config
