tunnel-hub --listen 0.0.0.0:443 --cert hub.pem --key hub.key --keys keys.ini --state state
# The command is for AWS's own tools.
export AWS_CA_BUNDLE=ca.pem
