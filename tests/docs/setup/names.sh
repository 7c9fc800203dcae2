tunnel-hub --listen 0.0.0.0:443 --cert hub.pem --key hub.key --keys keys.ini --state state
ip address add 10.0.7.20/32 dev lo
ip address add fd00:7::20/128 dev lo
echo '127.0.0.1 cam1' >>/etc/hosts
python3 -m http.server 8080 --bind 10.0.7.20 >/dev/null 2>&1 &
python3 -m http.server 80 --bind fd00:7::20 >/dev/null 2>&1 &
python3 -m http.server 554 --bind 127.0.0.1 >/dev/null 2>&1 &
for at in 10.0.7.20:8080 '[fd00:7::20]:80' 127.0.0.1:554; do until curl -gs "http://$at/" >/dev/null; do sleep 0.05; done; done
export TUNNEL_ENDPOINT=hub.example:443
tunnelctl open --thing plant7 --services NET,WEB --source-token-file source.token --destination-token-file destination.token
tunnel-agent -e hub.example:443 --token-file destination.token -d 'NET=10.0.7.20:22,cam1:554' -d 'WEB=10.0.7.20:8080,[fd00:7::]/64:80'
printf '[tunnel plant7]\nendpoint = hub.example:443\ntoken-file = source.token\n' >gateway.conf
tunnel-gateway --config gateway.conf
tunnel-gateway print ssh-config >>~/.ssh/config
# Who connects by hand types something.
as_here() { sed 's/^nc .*/& <<<hello/'; }
