tunnel-hub --listen 0.0.0.0:443 --cert hub.pem --key hub.key --keys keys.ini --state state
export TUNNEL_ENDPOINT=hub.example:443
tunnelctl open --thing plant7 --services SSH1,HTTP1 --source-token-file source.token --destination-token-file destination.token
tunnelctl devices invite --names 'press-*' --token-file join.token
cp share/examples/agent.conf . && cp destination.token token && cp join.token join
