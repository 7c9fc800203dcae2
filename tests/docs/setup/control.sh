tunnel-hub --listen 0.0.0.0:443 --cert hub.pem --key hub.key --keys keys.ini --state state
tunnelctl open --endpoint hub.example:443 --thing pump-07 --services SSH1 --source-token-file source.token --destination-token-file destination.token
tunnel-gateway -e hub.example:443 --token-file source.token
