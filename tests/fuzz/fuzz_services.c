/* Service maps and endpoints: what is accepted can be written out and is understood the same way
 * again. */
#include "core/base/service_id.h"
#include "core/config/hub_config.h"
#include "core/config/services.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void same_again(const struct service_mapping *s, enum services_use use)
{
    char where[512], text[1024], problem[256] = "", target[TARGETS_HOST + 10];
    service_where(s, "127.0.0.1", where, sizeof where);
    if (strlen(where) + 1 >= sizeof where)
        return; /* cut */
    int n = snprintf(text, sizeof text, "%s%s%s%s%s", s->id, s->id[0] != '\0' ? "=" : "", where,
                     s->target != NULL ? ":" : "", service_target(s, target, sizeof target));
    check(n > 0 && (size_t)n < sizeof text);
    struct services again = {0};
    check(services_parse(&again, text, use, problem, sizeof problem) == ERR_OK);
    check(again.n == 1 && again.items[0].port == s->port);
    check((again.items[0].targets == NULL) == (s->targets == NULL));
    check((again.items[0].target == NULL) == (s->target == NULL));
    check(s->target == NULL ||
          (use == SERVICES_FORWARD && strcmp(again.items[0].target, s->target) == 0 &&
           again.items[0].target_port == s->target_port));
    check(s->proxy >= 0 && s->proxy <= 2 && (s->proxy == 0 || use == SERVICES_DIAL));
    check(strcmp(again.items[0].id, s->id) == 0);
    services_free(&again);
}

/* What leads to an address of the device itself, of a link or of a group says so. */
static void says_so(const struct targets *t)
{
    static const struct {
        const char *host, *said;
    } cases[] = {
        {"127.0.0.1", "127."},       {"::ffff:127.0.0.1", "127."},
        {"169.254.1.1", "169.254."}, {"224.0.0.1", "2"},
        {"0.0.0.0", "0."},           {"fe80::1", "[fe"},
        {"ff02::1", "[ff"},          {"::1", "["},
        {"255.255.255.255", "25"},
    };
    char dial[TARGETS_HOST];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (uint32_t port = 0; port < 100; port++)
            check(!targets_allow(t, cases[i].host, port, dial) ||
                  strcasestr(targets_text(t), cases[i].said) != NULL);
    check(!targets_allow(t, "10.0.7.1", 0, dial) && !targets_allow(t, "10.0.7.1", 65536, dial));
}

static void map(const char *text, enum services_use use)
{
    struct services s = {0};
    char problem[256] = "";
    enum err why = services_parse(&s, text, use, problem, sizeof problem);
    check((why == ERR_OK) == (problem[0] == '\0'));
    for (size_t i = 0; why == ERR_OK && i < s.n; i++) {
        check(s.items[i].id[0] == '\0' || service_id_is(span_of(s.items[i].id)));
        check(s.items[i].port >= 0 && s.items[i].port <= 65535);
        const struct service_mapping *first = services_find(&s, s.items[i].id);
        check(first == &s.items[i] ||
              (use == SERVICES_FORWARD && first != NULL && first < &s.items[i]));
        same_again(&s.items[i], use);
        if (s.items[i].targets != NULL)
            says_so(s.items[i].targets);
    }
    services_free(&s);
}

static void endpoint(const char *text)
{
    char *host = NULL, problem[256] = "";
    int port = 443;
    if (endpoint_parse(text, &host, &port, problem, sizeof problem) == ERR_OK)
        check(host != NULL && host[0] != '\0' && port >= 1 && port <= 65535);
    else
        check(problem[0] != '\0');
    free(host);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    check(text != NULL);
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    map(text, SERVICES_DIAL);
    map(text, SERVICES_DIAL_ONE);
    map(text, SERVICES_LISTEN);
    map(text, SERVICES_FORWARD);
    endpoint(text);
    free(text);
    return 0;
}
