#include "gateway/source/pages.h"

#include "core/base/text.h"
#include "gateway/source/proxy.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#define PAGE_MAX 4259840 /* bytes: a list of devices has up to 4 MiB */

struct page {
    const char *path;
    const char *type;
    bool for_trusted; /* The page lists what there is. */
    bool (*write)(const struct pages_view *v, const struct pages_question *q, struct buf *out);
    int (*status)(const struct pages_view *v); /* NULL: 200 */
};

static bool put(struct buf *out, const char *text)
{
    return buf_append(out, text, strlen(text));
}

/* ---- what there is ---- */

struct entry {
    char host[NAMES_HOST]; /* "" when no name leads there */
    const char *service, *tunnel;
    const struct pages_tunnel *state;
};

static const char *state_name(const struct pages_tunnel *t)
{
    return !t->up ? "down" : t->no_device ? "no device" : "up";
}

static bool is_usable(const struct pages_tunnel *t)
{
    return t->up && !t->no_device;
}

static bool each_service(const struct pages_view *v,
                         bool (*write)(const struct entry *e, struct buf *), struct buf *out)
{
    for (size_t i = 0; i < v->n_tunnels; i++) {
        const struct names_tunnel *t = &v->tunnels[i];
        size_t n = t->n_services > 0 ? t->n_services : t->known;
        for (size_t k = 0; k < n; k++) {
            struct entry e = {.service = t->n_services > 0 ? t->services[k] : "",
                              .tunnel = t->name,
                              .state = &v->states[i]};
            names_canonical(v->names, v->tunnels, v->n_tunnels, i, e.service, e.host);
            if (!write(&e, out))
                return false;
        }
    }
    return true;
}

static bool write_row(const struct entry *e, struct buf *out)
{
    return put(out, "<tr><td>") && text_put_html(out, span_of(e->host)) && put(out, "</td><td>") &&
           text_put_html(out, span_of(e->service)) && put(out, "</td><td>") &&
           text_put_html(out, span_of(e->tunnel)) &&
           buf_printf(out, "</td><td>%s</td></tr>\n", state_name(e->state));
}

static bool write_cell(const char *text, struct buf *out)
{
    return text_put(out, span_of(text[0] != '\0' ? text : "-")) && put(out, "\t");
}

static bool write_line(const struct entry *e, struct buf *out)
{
    return write_cell(e->host, out) && write_cell(e->service, out) && write_cell(e->tunnel, out) &&
           put(out, state_name(e->state)) && put(out, "\n");
}

/* ---- pages ---- */

static bool write_home(const struct pages_view *v, const struct pages_question *q, struct buf *out)
{
    return put(out,
               "<!DOCTYPE html>\n<meta charset=\"utf-8\">\n<title>tunnel-gateway</title>\n"
               "<h1>tunnel-gateway</h1>\n<p>This is a SOCKS5, SOCKS4a and HTTP proxy to the "
               "services of devices. Point a browser at <a href=\"/proxy.pac\">/proxy.pac</a>, "
               "or use <code>curl --proxy socks5h://") &&
           text_put_html(out, span_of(q->listener)) &&
           put(out, "</code>.</p>\n<table>\n<tr><th>host name</th><th>service</th><th>tunnel</th>"
                    "<th>state</th></tr>\n") &&
           each_service(v, write_row, out) && put(out, "</table>\n");
}

static bool write_services(const struct pages_view *v, const struct pages_question *q,
                           struct buf *out)
{
    (void)q;
    return each_service(v, write_line, out);
}

static bool write_devices(const struct pages_view *v, const struct pages_question *q,
                          struct buf *out)
{
    (void)q;
    if (v->device_rows.p == NULL)
        return put(out, "This gateway has no access key that it could ask a hub for devices by.\n");
    return buf_append(out, v->device_rows.p, v->device_rows.n);
}

static int devices_status(const struct pages_view *v)
{
    return v->device_rows.p == NULL ? 404 : 200;
}

bool pages_endpoint(const char *where, char out[PAGES_ENDPOINT])
{
    static const char v4[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._";
    static const char v6[] = "ABCDEFabcdef0123456789:.";
    char host[PROXY_HOST_MAX + 1];
    int port;
    if (!proxy_authority(span_of(where), host, &port) || port == 0)
        return false;
    if (host[strspn(host, v4)] == '\0')
        snprintf(out, PAGES_ENDPOINT, "%s:%d", host, port);
    else if (host[strspn(host, v6)] == '\0')
        snprintf(out, PAGES_ENDPOINT, "[%s]:%d", host, port);
    else
        return false;
    return true;
}

/* A browser runs this, so nothing but a checked host and port gets into it. For http PROXY comes
 * first: a failure is then shown as our own page, not as a generic one. */
bool pages_pac(const struct names *names, const char *where, struct buf *out)
{
    char endpoint[PAGES_ENDPOINT];
    if (!pages_endpoint(where, endpoint))
        return put(out, "function FindProxyForURL(url, host) {\n  return \"DIRECT\";\n}\n");
    bool good =
        put(out, "function FindProxyForURL(url, host) {\n"
                 "  host = host.toLowerCase();\n"
                 "  if (host.charAt(host.length - 1) == \".\") host = host.slice(0, -1);\n");
    const char *suffix;
    for (size_t i = 0; (suffix = names_suffix_at(names, i)) != NULL; i++)
        good = good && buf_printf(out,
                                  "  if (dnsDomainIs(host, \".%s\"))\n"
                                  "    return url.substring(0, 5) == \"http:\"\n"
                                  "      ? \"PROXY %s; SOCKS5 %s\" : \"SOCKS5 %s; PROXY %s\";\n",
                                  suffix, endpoint, endpoint, endpoint, endpoint);
    return good && put(out, "  return \"DIRECT\";\n}\n");
}

/* Names the endpoint as the client did: what has reached the gateway once will do so again. */
static bool write_pac(const struct pages_view *v, const struct pages_question *q, struct buf *out)
{
    struct span host = http_header(q->head, "Host");
    char named[PAGES_ENDPOINT], checked[PAGES_ENDPOINT];
    snprintf(named, sizeof named, "%.*s", (int)host.n, host.n > 0 ? host.p : "");
    bool usable = host.n < sizeof named && pages_endpoint(named, checked);
    return pages_pac(v->names, usable ? named : q->listener, out);
}

static int health(const struct pages_view *v)
{
    if (v->devices == PAGES_DEVICES_READY)
        return 200;
    for (size_t i = 0; i < v->n_tunnels; i++)
        if (is_usable(&v->states[i]))
            return 200;
    return 503;
}

static bool write_health(const struct pages_view *v, const struct pages_question *q,
                         struct buf *out)
{
    size_t up = 0, without = 0;
    (void)q;
    for (size_t i = 0; i < v->n_tunnels; i++) {
        up += is_usable(&v->states[i]);
        without += v->states[i].no_device;
    }
    return buf_printf(out, "%s: %zu of %zu tunnels up", health(v) == 200 ? "ok" : "down", up,
                      v->n_tunnels) &&
           (v->devices == PAGES_DEVICES_NONE || buf_printf(out, ", others on demand")) &&
           (without == 0 || buf_printf(out, ", %zu without device", without)) && put(out, "\n");
}

static const struct page pages[] = {
    {"/", "text/html; charset=utf-8", true, write_home, NULL},
    {"/services", "text/plain; charset=us-ascii", true, write_services, NULL},
    {"/devices", "text/plain; charset=us-ascii", true, write_devices, devices_status},
    {"/proxy.pac", "application/x-ns-proxy-autoconfig", false, write_pac, NULL},
    {"/healthz", "text/plain; charset=us-ascii", false, write_health, health},
};

/* ---- who asks ---- */

static bool is_address(const char *host)
{
    unsigned char address[16];
    return inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
}

static bool host_is_ours(const struct pages_question *q)
{
    struct span host = http_header(q->head, "Host");
    char name[PROXY_HOST_MAX + 1], own[PROXY_HOST_MAX + 1];
    int port;
    if (host.p == NULL || host.n == 0)
        return true; /* HTTP/1.0, which no browser sends */
    if (!proxy_authority(host, name, &port))
        return false;
    if (is_address(name) || span_is_nocase(span_of(name), "localhost"))
        return true;
    return proxy_authority(span_of(q->listener), own, &port) &&
           span_equal_nocase(span_of(name), span_of(own));
}

static const struct page *find(struct span path)
{
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++)
        if (span_is(path, pages[i].path))
            return &pages[i];
    return NULL;
}

bool pages_grants(const struct pages_question *q)
{
    return host_is_ours(q) && q->trusted;
}

bool pages_answer(const struct pages_view *v, const struct pages_question *q, struct buf *out)
{
    struct buf body = {.limit = PAGE_MAX};
    struct proxy_answer a = {.status = 200, .head = span_is(q->head->method, "HEAD")};
    const struct page *page = find(q->path);
    bool good = true;
    if (!host_is_ours(q)) {
        a.status = 403;
        a.reason = "not answered under this host name; use the address";
        a.error = err_name(ERR_FORBIDDEN);
    } else if (page == NULL) {
        a.status = 404;
        a.reason = "no such page; there are /, /services, /devices, /proxy.pac and /healthz";
        a.error = err_name(ERR_NOT_FOUND);
    } else if (page->for_trusted && !q->trusted) {
        a.status = 401;
        a.reason = "user name and password required";
        a.error = err_name(ERR_AUTH);
    } else {
        good = page->write(v, q, &body);
        a.status = page->status != NULL ? page->status(v) : 200;
        a.type = page->type;
        a.body = (struct span){body.data != NULL ? (const char *)body.data : "", body.size};
    }
    good = good && proxy_answer_write(&a, out);
    buf_free(&body);
    return good;
}
