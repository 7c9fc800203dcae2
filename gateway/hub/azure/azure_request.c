#include "gateway/hub/azure/azure_request.h"

#include "core/base/encoding.h"

#include <stdio.h>
#include <string.h>

#define TWINS "/twins/"
#define ENDPOINTS "/devicestreams"
#define ID_MAX 128
#define TIMEOUT_MAX_S 600 /* what is asked for may be more than is waited */

static struct span path_of(const struct http_head *head)
{
    struct span rest = head->target;
    return span_cut(&rest, '?');
}

static bool begins(struct span s, const char *with)
{
    size_t n = strlen(with);
    return s.n >= n && memcmp(s.p, with, n) == 0;
}

bool azure_wants(const struct http_head *head)
{
    struct span path = path_of(head);
    return begins(path, TWINS) || span_is(path, ENDPOINTS);
}

bool azure_may_wait(const struct http_head *head)
{
    return begins(path_of(head), TWINS);
}

static bool wrong(struct azure_request *r, const char *problem)
{
    r->error = AZURE_ARGUMENT;
    r->problem = problem;
    return false;
}

/* ---- the path ---- */

/* Copies a part of the path or query, decoded. False: it does not fit, or has control characters.
 */
static bool decode(struct span s, char *out, size_t size)
{
    char text[3 * DEVICE_AZURE_ID_MAX + 1];
    if (s.n >= sizeof text)
        return false;
    snprintf(text, sizeof text, "%.*s", (int)s.n, s.n > 0 ? s.p : "");
    return percent_decode(text) && strlen(text) < size && snprintf(out, size, "%s", text) >= 0;
}

/* As Azure has it. */
static bool is_id(const char *s)
{
    static const char more[] = "-:.+%_#*?!(),=@;$'";
    size_t n = strlen(s);
    for (size_t i = 0; i < n; i++)
        if ((s[i] < 'a' || s[i] > 'z') && (s[i] < 'A' || s[i] > 'Z') &&
            (s[i] < '0' || s[i] > '9') && strchr(more, s[i]) == NULL)
            return false;
    return n > 0 && n <= ID_MAX;
}

static bool take_id(struct azure_request *r, struct span device, struct span module)
{
    char id[ID_MAX + 1], sub[ID_MAX + 1] = "";
    if (!decode(device, id, sizeof id) || !is_id(id) ||
        (module.p != NULL && (!decode(module, sub, sizeof sub) || !is_id(sub))))
        return wrong(r, "The path names no device: ids have 1 to 128 letters, digits and "
                        "-:.+%_#*?!(),=@;$'");
    snprintf(r->azure_id, sizeof r->azure_id, "%s%s%s", id, module.p != NULL ? "/" : "", sub);
    return true;
}

static bool take_stream(struct azure_request *r, struct span name)
{
    if (decode(name, r->stream, sizeof r->stream) && azure_stream_name_valid(span_of(r->stream)))
        return true;
    r->stream[0] = '\0';
    return wrong(r, "The path names no stream: names have 1 to 128 letters, digits, '-', '_', ':' "
                    "and '.'");
}

static bool take_path(struct azure_request *r, struct span path)
{
    struct span rest = {path.p + strlen(TWINS), path.n - strlen(TWINS)}, module = {0};
    struct span device = span_cut(&rest, '/'), word = span_cut(&rest, '/');
    if (span_is(word, "modules")) {
        module = span_cut(&rest, '/');
        word = span_cut(&rest, '/');
    }
    struct span stream = span_cut(&rest, '/');
    if (!span_is(word, "streams") || rest.n > 0)
        return wrong(r, "The path is none of this service: it should be "
                        "/twins/DEVICE/streams/STREAM");
    return take_id(r, device, module) && take_stream(r, stream);
}

void azure_request_resource(const struct azure_request *r, char out[AZURE_RESOURCE_SIZE])
{
    struct span module = span_of(r->azure_id), device = span_cut(&module, '/');
    if (r->kind == AZURE_ENDPOINTS)
        snprintf(out, AZURE_RESOURCE_SIZE, ENDPOINTS);
    else
        snprintf(out, AZURE_RESOURCE_SIZE, TWINS "%.*s%s%.*s/streams/%s", (int)device.n, device.p,
                 module.n > 0 ? "/modules/" : "", (int)module.n, module.p, r->stream);
}

/* ---- query and headers ---- */

static void take_version(struct azure_request *r, struct span query)
{
    while (query.n > 0) {
        struct span value = span_cut(&query, '&'), name = span_cut(&value, '=');
        if (span_is(name, "api-version") && !decode(value, r->version, sizeof r->version))
            r->version[0] = '\0';
    }
}

static bool take_timeout(struct azure_request *r, const struct http_head *head, const char *name,
                         uint64_t *ms)
{
    uint64_t seconds = 0;
    size_t n = http_header_count(head, name);
    if (n > 1 || (n == 1 && !str_number(http_header(head, name), TIMEOUT_MAX_S, &seconds)))
        return wrong(r, "A time-out is a whole number of seconds, 600 at most, and there once.");
    *ms = 1000 * seconds < AZURE_HANDSHAKE_MS ? 1000 * seconds : AZURE_HANDSHAKE_MS;
    return true;
}

static bool take_timeouts(struct azure_request *r, const struct http_head *head)
{
    if (!take_timeout(r, head, "iothub-streaming-connect-timeout-in-seconds", &r->connect_ms) ||
        !take_timeout(r, head, "iothub-streaming-response-timeout-in-seconds", &r->response_ms))
        return false;
    if (r->response_ms == 0)
        r->response_ms = AZURE_HANDSHAKE_MS;
    return true;
}

struct azure_request azure_request_read(const struct http_head *head)
{
    struct azure_request r = {0};
    struct span query = head->target, path = span_cut(&query, '?');
    r.kind = begins(path, TWINS) ? AZURE_STREAM : AZURE_ENDPOINTS;
    take_version(&r, query);
    if (r.kind == AZURE_STREAM && take_path(&r, path) && take_timeouts(&r, head) &&
        !span_is(head->method, "POST"))
        wrong(&r, "A stream is asked for with POST.");
    else if (r.kind == AZURE_ENDPOINTS && !span_is(head->method, "GET"))
        wrong(&r, "The endpoints are asked for with GET.");
    return r;
}
