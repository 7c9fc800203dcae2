#include "gateway/hub/relay/request.h"

#include "core/device/device_link.h"
#include "core/tunnel/frame.h"
#include "core/ws/handshake.h"

#include <string.h>

/* Subprotocols, the preferred one first. */
static const struct {
    const char *name;
    int version;
} protocols[] = {
    {FRAME_NATIVE_PROTOCOL, 3},          {"aws.iot.securetunneling-3.0", 3},
    {"aws.iot.securetunneling-2.0", 2},  {"aws.iot.securetunneling-1.0", 1},
    {"aws.iot.securedtunneling-1.0", 1}, /* as Amazon's sample for browsers spells it */
};

static bool refuse(struct request *r, int status, const char *text)
{
    *r = (struct request){.kind = REQUEST_REFUSED, .status = status, .text = text};
    return false;
}

/* Whether s has at least one byte, and only letters, digits and bytes of `more`. */
static bool made_of(struct span s, struct span more)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!alnum && memchr(more.p, c, more.n) == NULL)
            return false;
    }
    return s.n > 0;
}

/* Escapes are not undone: a name that needs them is not one of the hub's, and could hide a second
 * mode. */
static bool check_query(struct request *r, struct span query)
{
    size_t modes = 0;
    if (query.n == 0)
        return refuse(r, 400,
                      "The query parameter local-proxy-mode is missing: use "
                      "/tunnel?local-proxy-mode=source or =destination.");
    for (bool more = true; more;) {
        struct span before = query;
        struct span value = span_cut(&query, '&');
        more = value.n < before.n;
        struct span name = span_cut(&value, '=');
        if (!made_of(name, span_of("-._~")))
            return refuse(r, 400, "The query is malformed: expected local-proxy-mode=MODE.");
        if (!span_is(name, "local-proxy-mode"))
            continue;
        if (span_is(value, "source"))
            r->side = SIDE_SOURCE;
        else if (span_is(value, "destination"))
            r->side = SIDE_DESTINATION;
        else
            return refuse(r, 400, "local-proxy-mode must be source or destination.");
        modes++;
    }
    if (modes != 1)
        return refuse(r, 400, "The query parameter local-proxy-mode must be given exactly once.");
    return true;
}

/* Adds the token cookies of one Cookie line (RFC 6265 section 4.2.1) to what is known. */
static size_t cookie_tokens(struct span line, struct span *token)
{
    size_t found = 0;
    while (line.n > 0) {
        struct span value = span_trim(span_cut(&line, ';'));
        struct span name = span_cut(&value, '=');
        if (!span_is(span_trim(name), "awsiot-tunnel-token"))
            continue;
        *token = span_trim(value);
        found++;
    }
    return found;
}

static bool check_token(struct request *r, const struct http_head *head)
{
    size_t found = 0;
    for (size_t i = 0; i < head->n_headers; i++) {
        if (span_is_nocase(head->headers[i].name, "access-token")) {
            r->token = head->headers[i].value;
            found++;
        } else if (span_is_nocase(head->headers[i].name, "cookie")) {
            found += cookie_tokens(head->headers[i].value, &r->token);
        }
    }
    if (found == 0)
        return refuse(r, 400,
                      "Invalid access token: none was sent. Send the tunnel's token in the header "
                      "access-token or in the cookie awsiot-tunnel-token.");
    if (found > 1)
        return refuse(r, 400,
                      "Invalid access token: more than one was sent. Send it once, either in the "
                      "header access-token or in the cookie awsiot-tunnel-token.");
    if (r->token.n == 0)
        return refuse(r, 400, "Invalid access token: it is empty.");
    return true;
}

static bool check_client_token(struct request *r, const struct http_head *head)
{
    size_t count = http_header_count(head, "client-token");
    if (count > 1)
        return refuse(r, 400, "Invalid client token: more than one was sent.");
    if (count == 0)
        return true;
    r->client_token = http_header(head, "client-token");
    size_t n = r->client_token.n;
    if (n < CLIENT_TOKEN_MIN || n > CLIENT_TOKEN_MAX || !made_of(r->client_token, span_of("-")))
        return refuse(r, 400,
                      "Invalid client token: it must be 32 to 128 letters, digits and hyphens.");
    return true;
}

static bool offered(const struct http_head *head, const char *protocol)
{
    for (size_t i = 0; i < head->n_headers; i++) {
        struct span rest = head->headers[i].value;
        if (!span_is_nocase(head->headers[i].name, "sec-websocket-protocol"))
            continue;
        while (rest.n > 0)
            if (span_is(span_trim(span_cut(&rest, ',')), protocol)) /* compared with case */
                return true;
    }
    return false;
}

static bool check_instance(struct request *r, const struct http_head *head)
{
    if (strcmp(r->protocol, FRAME_NATIVE_PROTOCOL) != 0)
        return true;
    r->instance = http_header(head, "tunnel-instance");
    if (http_header_count(head, "tunnel-instance") != 1 || r->instance.n != INSTANCE_SIZE ||
        !made_of(r->instance, span_of("-_")))
        return refuse(r, 400,
                      "Who offers the subprotocol " FRAME_NATIVE_PROTOCOL
                      " has to send the header tunnel-instance once: 16 random bytes in base64url, "
                      "22 characters.");
    return true;
}

static bool check_protocol(struct request *r, const struct http_head *head)
{
    for (size_t i = 0; i < sizeof protocols / sizeof *protocols; i++) {
        if (!offered(head, protocols[i].name))
            continue;
        r->protocol = protocols[i].name;
        r->version = protocols[i].version;
        return true;
    }
    return refuse(r, 400,
                  "No known WebSocket subprotocol was offered: send Sec-WebSocket-Protocol: "
                  "aws.iot.securetunneling-3.0 (or -2.0, -1.0).");
}

static bool check_upgrade(struct request *r, const struct http_head *head)
{
    const char *text = NULL;
    if (!span_is(head->method, "GET"))
        return refuse(r, 405, "A tunnel is opened with GET and a WebSocket upgrade.");
    if (http_header_count(head, "upgrade") == 0 || head->minor < 1 ||
        !http_header_has(head, "Connection", "upgrade"))
        return refuse(r, 426,
                      "This address speaks WebSocket only: connect with tunnel-gateway, "
                      "tunnel-agent or localproxy; a proxy in between must let the upgrade pass "
                      "(HTTP/1.1, Upgrade, Connection).");
    struct span version = http_header(head, "sec-websocket-version");
    if (version.p != NULL && !span_is(version, "13"))
        return refuse(r, 426, "Only WebSocket version 13 is spoken here.");
    if (ws_request_check(head, &text) != ERR_OK)
        return refuse(r, 400, text != NULL ? text : "The WebSocket handshake is malformed.");
    if (head->content_length > 0 || head->chunked)
        return refuse(r, 400, "An upgrade request must not have a body.");
    if (http_header_count(head, "sec-websocket-key") != 1)
        return refuse(r, 400, "Sec-WebSocket-Key must be given exactly once.");
    r->key = http_header(head, "sec-websocket-key");
    return true;
}

/* It was to follow no redirect if it said so in any other way. */
static bool check_redirect(struct request *r, const struct http_head *head)
{
    r->follows = span_is(http_header(head, "tunnel-redirect"), "follow");
    return true;
}

static bool check_tunnel(struct request *r, const struct http_head *head, struct span query)
{
    return check_upgrade(r, head) && check_query(r, query) && check_token(r, head) &&
           check_client_token(r, head) && check_protocol(r, head) && check_instance(r, head) &&
           check_redirect(r, head);
}

/* "hub.example:443" and "[::1]:443" without the port, and without brackets. */
static struct span host_of(struct span s)
{
    if (s.n > 0 && s.p[0] == '[') {
        s = (struct span){s.p + 1, s.n - 1};
        return span_cut(&s, ']');
    }
    return span_cut(&s, ':');
}

static bool check_device(struct request *r, const struct http_head *head)
{
    r->kind = REQUEST_DEVICE;
    if (!check_upgrade(r, head))
        return false;
    if (!offered(head, DEVICE_LINK_PROTOCOL))
        return refuse(r, 400,
                      "Devices link here with the subprotocol " DEVICE_LINK_PROTOCOL
                      ": send it in Sec-WebSocket-Protocol.");
    r->protocol = DEVICE_LINK_PROTOCOL;
    r->host = host_of(http_header(head, "host"));
    return true;
}

/* Where MQTT's clients connect by themselves: paho, Azure's SDKs, MQTT.js. */
static bool is_mqtt_path(struct span path)
{
    return span_is(path, "/mqtt") || span_is(path, "/$iothub/websocket") || span_is(path, "/");
}

static const char *mqtt_protocol_of(const struct http_head *head)
{
    static const char *const names[] = {"mqtt", "mqttv3.1"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (offered(head, names[i]))
            return names[i];
    return NULL;
}

static bool check_mqtt(struct request *r, const struct http_head *head)
{
    r->kind = REQUEST_MQTT;
    if (!check_upgrade(r, head))
        return false;
    r->protocol = mqtt_protocol_of(head);
    return r->protocol != NULL ||
           refuse(r, 400,
                  "Devices speak MQTT here, with the subprotocol mqtt: send it in "
                  "Sec-WebSocket-Protocol.");
}

/* ---- bridges ---- */

/* RFC 6750 section 2.1. */
static bool check_bearer(struct request *r, const struct http_head *head)
{
    struct span value = http_header(head, "authorization");
    struct span scheme = span_cut(&value, ' ');
    r->token = span_trim(value);
    if (http_header_count(head, "authorization") == 1 && span_is_nocase(scheme, "bearer") &&
        r->token.n > 0)
        return true;
    return refuse(r, 401,
                  "The bridge's token is missing: send it once as Authorization: Bearer TOKEN.");
}

/* The first one offered is echoed, whatever it is called: its clients name the wire by which the
 * device was asked. */
static bool check_first(struct request *r, const struct http_head *head)
{
    struct span rest = http_header(head, "sec-websocket-protocol");
    r->first = span_trim(span_cut(&rest, ','));
    if (r->first.n == 0 ||
        (r->first.n <= SUBPROTOCOL_MAX && made_of(r->first, span_of("!#$%&'*+-.^_`|~"))))
        return true;
    return refuse(r, 400, "The WebSocket subprotocol that is offered first is malformed.");
}

static void check_bridge(struct request *r, const struct http_head *head, struct span path)
{
    r->kind = REQUEST_BRIDGE;
    r->path = path;
    if (check_upgrade(r, head) && check_bearer(r, head))
        check_first(r, head);
}

struct request request_check(const struct http_head *head)
{
    struct request r = {.kind = REQUEST_TUNNEL};
    struct span query = head->target;
    struct span path = span_cut(&query, '?');
    if (span_is(path, "/tunnel")) {
        check_tunnel(&r, head, query);
    } else if (span_is(path, DEVICE_LINK_PATH)) {
        check_device(&r, head);
    } else if (is_mqtt_path(path) && (!span_is(path, "/") || mqtt_protocol_of(head) != NULL)) {
        check_mqtt(&r, head);
    } else if (path.n > 9 && memcmp(path.p, "/bridges/", 9) == 0) {
        check_bridge(&r, head, path);
    } else if (span_is(path, "/healthz")) {
        if (span_is(head->method, "GET"))
            r = (struct request){.kind = REQUEST_HEALTH, .status = 200, .text = "ok"};
        else
            refuse(&r, 405, "Ask with GET.");
    } else if (http_header_count(head, "upgrade") > 0) {
        refuse(&r, 400, "Tunnels are opened at /tunnel?local-proxy-mode=source or =destination.");
    } else {
        refuse(
            &r, 404,
            "Nothing is here. Ends of tunnels connect at /tunnel, devices at /device, the control API takes "
            "POST with X-Amz-Target, health is at /healthz.");
    }
    return r;
}
