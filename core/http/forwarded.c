#include "core/http/forwarded.h"

#include <arpa/inet.h>
#include <string.h>

/* ---- one name ---- */

static bool read_ip(struct span s, union address *out)
{
    char text[INET6_ADDRSTRLEN];
    if (s.n >= sizeof text)
        return false;
    memcpy(text, s.p, s.n);
    text[s.n] = '\0';
    *out = (union address){.any.sa_family = AF_INET};
    if (strlen(text) == s.n && inet_pton(AF_INET, text, &out->v4.sin_addr) == 1)
        return true;
    *out = (union address){.any.sa_family = AF_INET6};
    return strlen(text) == s.n && inet_pton(AF_INET6, text, &out->v6.sin6_addr) == 1;
}

/* "192.0.2.7", "192.0.2.7:4711", "2001:db8::7", "[2001:db8::7]", "[2001:db8::7]:4711". A port that
 * is no number (RFC 7239 allows "_hidden") counts as none. */
static bool read_name(struct span s, union address *out)
{
    struct span port = {0}, host = s;
    const char *colon = memchr(s.p, ':', s.n);
    uint64_t number;
    if (s.p[0] == '[') {
        const char *end = memchr(s.p, ']', s.n);
        if (end == NULL)
            return false;
        host = (struct span){s.p + 1, (size_t)(end - s.p) - 1};
        port = (struct span){end + 1, s.n - host.n - 2};
        if (port.n > 0 && port.p[0] != ':')
            return false;
    } else if (colon != NULL && memchr(s.p, '.', (size_t)(colon - s.p)) != NULL) {
        host.n = (size_t)(colon - s.p);
        port = (struct span){colon, s.n - host.n};
    }
    if (!read_ip(host, out))
        return false;
    address_unmap(out);
    if (port.n > 1 && str_number((struct span){port.p + 1, port.n - 1}, 65535, &number))
        address_set_port(out, (int)number);
    return true;
}

/* RFC 7239 section 6: "unknown", or an identifier that begins with "_". */
static bool is_hidden(struct span s)
{
    return span_is_nocase(s, "unknown") || s.p[0] == '_';
}

/* ---- one element of a list ---- */

/* Of Forwarded: the value of "for" among the pairs, without quotes. An element without one says
 * nothing: *name is empty. False: malformed. */
static bool for_of(struct span element, struct span *name)
{
    *name = (struct span){0};
    while (element.n > 0) {
        struct span value = span_trim(span_cut(&element, ';'));
        struct span key = span_cut(&value, '=');
        if (!span_is_nocase(key, "for"))
            continue;
        bool quoted = value.n >= 2 && value.p[0] == '"' && value.p[value.n - 1] == '"';
        if (name->n > 0 || value.n == 0)
            return false;
        *name = quoted ? (struct span){value.p + 1, value.n - 2} : value;
        if (name->n == 0)
            return false;
    }
    return true;
}

static bool whole(struct span element, struct span *name)
{
    *name = element;
    return element.n > 0;
}

/* Cuts off and returns what stands behind the last separator. A comma in quotes would be no
 * separator, but no name has one. */
static struct span cut_last(struct span *rest)
{
    size_t n = rest->n;
    while (n > 0 && rest->p[n - 1] != ',')
        n--;
    struct span last = {rest->p + n, rest->n - n};
    rest->n = n > 0 ? n - 1 : 0;
    return span_trim(last);
}

/* ---- the lists ---- */

typedef bool reader(struct span element, struct span *name);

struct walk {
    const struct ip_list *fronts;
    reader *read;
    bool present;
    enum forwarded found;
    union address client; /* zeros unless it is FORWARDED_CLIENT */
};

/* An address that could not be read is none. False: the walk is over. */
static bool step(struct walk *w, struct span element)
{
    struct span name;
    union address a = {.any = {0}};
    bool good = w->read(element, &name), hidden = good && (name.n == 0 || is_hidden(name));
    good = good && (hidden || read_name(name, &a));
    w->present = true;
    w->client = a;
    w->found = !good ? FORWARDED_BAD : hidden ? FORWARDED_NONE : FORWARDED_CLIENT;
    return w->found == FORWARDED_CLIENT && w->fronts != NULL &&
           ip_list_has(w->fronts, ip_of_address(&a));
}

/* Several lines of the header are one list (RFC 9110 section 5.3). */
static void walk_back(struct walk *w, const struct http_head *head, const char *header)
{
    for (size_t i = head->n_headers; i > 0; i--) {
        struct span rest = head->headers[i - 1].value;
        if (!span_is_nocase(head->headers[i - 1].name, header))
            continue;
        for (bool more = true; more;) {
            more = rest.n > 0 && memchr(rest.p, ',', rest.n) != NULL;
            if (!step(w, cut_last(&rest)))
                return;
        }
    }
}

static bool same(const union address *a, const union address *b)
{
    struct ip x = ip_of_address(a), y = ip_of_address(b);
    return memcmp(&x, &y, sizeof x) == 0;
}

enum forwarded forwarded_client(const struct http_head *head, const struct ip_list *fronts,
                                union address *client, const char **why)
{
    struct walk old = {.fronts = fronts, .read = whole}, new = {.fronts = fronts, .read = for_of};
    walk_back(&old, head, "X-Forwarded-For");
    walk_back(&new, head, "Forwarded");
    *why = "X-Forwarded-For or Forwarded is malformed.";
    if (old.found == FORWARDED_BAD || new.found == FORWARDED_BAD)
        return FORWARDED_BAD;
    *why = "X-Forwarded-For and Forwarded say different clients: the web server in front has to "
           "set one of them and to remove the other.";
    if (old.present && new.present && !same(&old.client, &new.client))
        return FORWARDED_BAD;
    *client = old.present ? old.client : new.client;
    return old.present ? old.found : new.found;
}
