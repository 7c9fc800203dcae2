tunnel-hub --listen 0.0.0.0:443 --cert hub.pem --key hub.key --keys keys.ini --state state
tunnelctl devices invite --endpoint hub.example:443 --names press-7 --token-file join
tunnel-agent -e hub.example:443 --device press-7 --join-token-file join -d SSH1=22
