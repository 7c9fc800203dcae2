/* Host names against service ids. The oracles: sentences are printable, a canonical name leads back
 * to its service, an alias leads nowhere else than the name says. Input: lines; a host name, an
 * alias label and its target, a suffix, then ids. */
#include "gateway/source/names.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

#define IDS_MAX 8

static enum err resolve(const struct names *n, const struct names_tunnel *tunnels, struct span host,
                        struct names_answer *answer)
{
    const struct names_question q = {.host = host, .tunnels = tunnels, .n_tunnels = 2};
    enum err why = names_resolve(n, &q, answer);
    MUST(strlen(answer->text) < NAMES_TEXT && (why == ERR_OK) == (answer->text[0] == '\0'));
    for (const char *p = answer->text; *p != '\0'; p++)
        MUST(*p >= ' ' && *p < 127);
    MUST(memchr(answer->target.host, '\0', sizeof answer->target.host) != NULL);
    for (const char *p = answer->target.host; *p != '\0'; p++)
        MUST(strchr("0123456789abcdefghijklmnopqrstuvwxyz-.:", *p) != NULL);
    if (why == ERR_OK)
        MUST(answer->tunnel < 2 && answer->service != NULL);
    return why;
}

static void back_again(const struct names *n, const struct names_tunnel *tunnels, size_t tunnel,
                       const char *service)
{
    char host[NAMES_HOST];
    struct names_answer answer;
    bool fits = names_canonical(n, tunnels, 2, tunnel, service, host);
    MUST(!fits || host[0] != '\0');
    if (host[0] == '\0')
        return;
    MUST(resolve(n, tunnels, span_of(host), &answer) == ERR_OK);
    MUST(answer.tunnel == tunnel && strcmp(answer.service, service) == 0);
    MUST(answer.target.host[0] == '\0');
}

/* A name leads to no other tunnel or host than it says where nothing is an alias. */
static void as_it_says(const char *suffix, const struct names_tunnel *tunnels, struct span host,
                       const struct names_answer *alias)
{
    struct names *n = names_new();
    struct names_answer plain;
    MUST(n != NULL);
    (void)names_add_suffix(n, suffix);
    (void)resolve(n, tunnels, host, &plain);
    if (plain.device.n > 0)
        MUST(plain.tunnel_found == alias->tunnel_found && plain.tunnel == alias->tunnel);
    if (plain.target.host[0] != '\0')
        MUST(strcmp(plain.target.host, alias->target.host) == 0 &&
             plain.target.port == alias->target.port);
    names_free(n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span rest = {(const char *)data, size}, host = span_cut(&rest, '\n');
    char *label = span_dup(span_cut(&rest, '\n')), *target = span_dup(span_cut(&rest, '\n'));
    char *suffix = span_dup(span_cut(&rest, '\n')), *ids[IDS_MAX];
    size_t n_ids = 0;
    struct names *n = names_new();
    MUST(n != NULL && label != NULL && target != NULL && suffix != NULL);
    (void)names_add_suffix(n, suffix);
    (void)names_add_alias(n, label, target);
    while (rest.n > 0 && n_ids < IDS_MAX)
        MUST((ids[n_ids++] = span_dup(span_cut(&rest, '\n'))) != NULL);
    const struct names_tunnel tunnels[2] = {
        {"", true, (const char *const *)ids, n_ids, false},
        {"plant7", true, (const char *const *)ids, n_ids / 2, false}};
    struct names_answer answer;
    if (resolve(n, tunnels, host, &answer) == ERR_OK)
        as_it_says(suffix, tunnels, host, &answer);
    for (size_t tunnel = 0; tunnel < 2; tunnel++)
        for (size_t i = 0; i < tunnels[tunnel].n_services; i++)
            back_again(n, tunnels, tunnel, ids[i]);
    for (size_t i = 0; i < n_ids; i++)
        free(ids[i]);
    names_free(n);
    free(label);
    free(target);
    free(suffix);
    return 0;
}
