printf '\n[key PLANT7]\nsecret = q2WmZ8xVtY4nKcRb6LsDfGh1JpEaU3oT\n' >>keys.ini
tunnel-hub --cert hub.pem --key hub.key --keys keys.ini --state state
export TUNNEL_ENDPOINT=localhost:8443
# The page leaves the endpoint out, and its tunnel is the one that is open here; when that was closed,
# another one.
as_here() {
    tunnelctl list --short | grep -q OPEN || tunnelctl open >/dev/null
    id=$(tunnelctl list --short | awk '/OPEN/ { print $1; exit }')
    sed -e "s|b2de92a3-b8ff-46c0-b0f2-afa28b00cecd|$id|" \
        -e "s|-arn ARN|-arn arn:aws:iot:us-east-1:000000000000:tunnel/$id|" \
        -e '/endpoint-url/!s|^aws iotsecuretunneling [a-z-]*|& --endpoint-url https://localhost:8443|'
}
