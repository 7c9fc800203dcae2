printf '\n[key PLANT7]\nsecret = q2WmZ8xVtY4nKcRb6LsDfGh1JpEaU3oT\n' >>keys.ini
tunnel-hub --listen 0.0.0.0:443 --cert hub.pem --key hub.key --keys keys.ini --state state
export TUNNEL_ENDPOINT=hub.example AWS_CA_BUNDLE=ca.pem
tunnelctl open --thing plant8 --services SSH1 --source-token-file s8 --destination-token-file d8
AWSIOT_TUNNEL_ACCESS_TOKEN=$(cat d8) localproxy -e hub.example:443 -d SSH1=22
# The tunnels of the page are the newest ones to plant7 and plant8.
id_of() { tunnelctl list --thing "$1" --short --json | jq -r '.tunnelSummaries[0].tunnelId'; }
as_here() { sed -e "s/b2de92[0-9a-f-]*/$(id_of plant7)/" -e "s/6af44d[0-9a-f-]*/$(id_of plant8)/"; }
