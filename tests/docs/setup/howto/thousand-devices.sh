tunnel-hub --listen 0.0.0.0:443 --cert hub.pem --key hub.key --keys keys.ini --state state
export TUNNEL_ENDPOINT=hub.example:443 AWS_PROFILE=work
cp share/examples/agent.conf .
tunnelctl devices invite --names 'plant7-*' --uses 2 --token-file join.first
tunnel-agent -e hub.example:443 --device plant7-pump-08 --join-token-file join.first --state-dir /var/lib/pump-08 -d SSH1=22
tunnel-agent -e hub.example:443 --device plant7-pump-07 --join-token-file join.first -d SSH1=22
