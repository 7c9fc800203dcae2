/* Who sent a request. The oracle: a client that is found is an address of a known kind, none that
 * is in the list of fronts unless all are, and what a client writes in front changes nothing.
 * Input: lines of X-Forwarded-For (those that begin with 'x') and of Forwarded. */
#include "core/http/forwarded.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

static void add(struct http_head *head, const char *name, struct span value)
{
    MUST(head->n_headers < HTTP_MAX_HEADERS);
    head->headers[head->n_headers].name = span_of(name);
    head->headers[head->n_headers].value = span_trim(value);
    head->n_headers++;
}

static enum forwarded ask(const struct http_head *head, const struct ip_list *fronts,
                          union address *client)
{
    const char *why = NULL;
    enum forwarded what = forwarded_client(head, fronts, client, &why);
    MUST(what != FORWARDED_BAD || why != NULL);
    if (what == FORWARDED_CLIENT)
        MUST(client->any.sa_family == AF_INET || client->any.sa_family == AF_INET6);
    return what;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_head head = {.n_headers = 0}, more = {.n_headers = 0};
    struct ip_list fronts = {.n = 0};
    struct span rest = {(const char *)data, size};
    union address a, b;
    MUST(ip_list_add(&fronts, "10.0.0.0/8") == ERR_OK);
    add(&more, "X-Forwarded-For", span_of("nonsense"));
    bool x = false;
    while (rest.n > 0 && head.n_headers < 20) {
        struct span line = span_cut(&rest, '\n');
        bool is_x = line.n > 0 && line.p[0] == 'x';
        x = x || is_x;
        if (is_x)
            line = (struct span){line.p + 1, line.n - 1};
        add(&head, is_x ? "X-Forwarded-For" : "Forwarded", line);
        add(&more, is_x ? "X-Forwarded-For" : "Forwarded", line);
    }
    enum forwarded what = ask(&head, NULL, &a);
    if (x) /* the end of the list decides */
        MUST(ask(&more, NULL, &b) == what);
    if (x && what == FORWARDED_CLIENT)
        MUST(memcmp(&a, &b, sizeof a) == 0);
    ask(&head, &fronts, &a);
    return 0;
}
