(umask 077 && openssl rand -base64 32 >secrets-key && for i in 1 2; do openssl rand -base64 32; done >keys)
tunnel-hub --cert hub.pem --key hub.key --keys keys.ini --state state --listen 0.0.0.0:443 --mqtt-listen 0.0.0.0:8883 --secrets-key secrets-key --public-name hub.example
export TUNNEL_ENDPOINT=hub.example
